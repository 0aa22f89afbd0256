/** API keys for a gateway with authentication. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseGrant } from "../../../src/access/identity/grant.ts";
import { makeKey, writeKeyFile } from "../../../src/access/identity/key-file.ts";

/** Keys with all permissions, and the file that contains them. */
export interface BenchKeys extends Disposable {
  readonly path: string;
  readonly secrets: readonly string[];
}

/** Creates a number of keys. */
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
