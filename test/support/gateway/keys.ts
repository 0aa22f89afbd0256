/** API keys and tokens for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseGrant } from "../../../src/access/identity/grant.ts";
import { makeKey, readKeyFile, writeKeyFile } from "../../../src/access/identity/key-file.ts";

/** A keys file in a temporary folder. */
export interface TestKeys extends Disposable {
  readonly path: string;
  readonly dir: string;
  /** Creates a key and returns its secret. */
  add(name: string, permissions: readonly string[], expiresAtMs?: number): string;
  /** Creates a link key and returns its secret. */
  addLink(name: string, permissions: readonly string[]): string;
  revoke(name: string): void;
  /** Replaces the permissions of a key. */
  permit(name: string, permissions: readonly string[]): void;
}

/** Creates the file. */
export function createTestKeys(): TestKeys {
  const dir = mkdtempSync(join(tmpdir(), "streamer-keys-"));
  const path = join(dir, "keys.json");
  writeKeyFile(path, []);
  return {
    path,
    dir,
    add(name, permissions, expiresAtMs) {
      const grants = permissions.map(parseGrant);
      const { key, secret } = makeKey({ name, grants, ...(expiresAtMs !== undefined && { expiresAtMs }) });
      writeKeyFile(path, [...readKeyFile(path), key]);
      return secret;
    },
    addLink(name, permissions) {
      const { key, secret } = makeKey({ name, grants: permissions.map(parseGrant), isLink: true });
      writeKeyFile(path, [...readKeyFile(path), key]);
      return secret;
    },
    revoke(name) {
      writeKeyFile(
        path,
        readKeyFile(path).filter((key) => key.name !== name),
      );
    },
    permit(name, permissions) {
      const grants = permissions.map(parseGrant);
      writeKeyFile(
        path,
        readKeyFile(path).map((key) => (key.name === name ? { ...key, grants } : key)),
      );
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
