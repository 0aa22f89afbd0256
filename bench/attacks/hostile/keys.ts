/** API keys of the healthy and the hostile clients, for a gateway that requires them. */
import { type Grant, parseGrant } from "../../../src/access/identity/grant.ts";
import { makeKey, writeKeyFile } from "../../../src/access/identity/key-file.ts";

/** Secrets of the keys. */
export interface Keys {
  /** Reads and writes only streams of the attacks. */
  readonly hostile: string;
  /** Has all permissions. */
  readonly healthy: string;
}

/** Creates a key for each side. @param path file to write, for `AUTH_KEYS_FILE` */
export function makeKeys(path: string): Keys {
  const make = (name: string, ...grants: readonly string[]) =>
    makeKey({ name, grants: grants.map((grant): Grant => parseGrant(grant)) });
  const hostile = make("hostile", "read:*hostile-*", "write:*hostile-*");
  const healthy = make("healthy", "admin");
  writeKeyFile(path, [hostile.key, healthy.key]);
  return { hostile: hostile.secret, healthy: healthy.secret };
}
