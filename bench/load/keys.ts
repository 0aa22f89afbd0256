/** API keys for a gateway that asks for them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseGrant } from "../../src/access/identity/grant.ts";
import { makeKey, writeKeyFile } from "../../src/access/identity/key-file.ts";

/** Keys that may do anything, and the file that knows them. */
export interface BenchKeys extends Disposable {
  readonly path: string;
  readonly secrets: readonly string[];
}

/** Makes so many keys. */
export function makeBenchKeys(count: number): BenchKeys {
  const dir = mkdtempSync(join(tmpdir(), "redis-streamer-bench-keys-"));
  const path = join(dir, "keys.json");
  const made = Array.from({ length: count }, (_, i) =>
    makeKey({ name: `client-${i}`, grants: [parseGrant("admin")] }),
  );
  writeKeyFile(
    path,
    made.map(({ key }) => key),
  );
  return {
    path,
    secrets: made.map(({ secret }) => secret),
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
