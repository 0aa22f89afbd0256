/** Lists of streams that one operation looks up more than once: the streams of several devices are one walk over the keys. */
import { ANYONE, type Identity, may } from "../../../access/identity/authorize.ts";
import { parseGlob } from "../../../domain/glob.ts";
import { runInSlices } from "../../../domain/work-slice.ts";
import type { Registry } from "../../../redis/registry/registry.ts";

/** Lists of what the client may read, each looked up once in an operation. All throw `GatewayError`. */
export interface Lookups {
  /** @param match a glob as Redis has them; absent for all streams */
  streamKeys(match?: string): Promise<readonly string[]>;
  /** As `streamKeys`, with streams that have metadata but no entries. */
  knownStreamKeys(match?: string): Promise<readonly string[]>;
}

/** Keys tested between two places where the work may stop. */
const STEP_KEYS = 64;

/** Creates the lookups of an operation. */
export function createLookups(registry: Registry, identity: Identity): Lookups {
  const once = (read: () => Promise<readonly string[]>) => {
    const known = new Map<string | undefined, Promise<readonly string[]>>();
    let all: Promise<readonly string[]> | undefined;
    return async (match?: string) => {
      const glob = match === undefined ? undefined : parseGlob(match, "match");
      all ??= read();
      const reading = known.get(match) ?? all.then((keys) => runInSlices(selected(keys, identity, glob)));
      known.set(match, reading);
      return reading;
    };
  };
  return { streamKeys: once(registry.streamKeys), knownStreamKeys: once(registry.knownStreamKeys) };
}

function* selected(
  keys: readonly string[],
  identity: Identity,
  glob: ((key: string) => boolean) | undefined,
): Generator<void, readonly string[]> {
  if (identity === ANYONE && glob === undefined) return keys;
  const found: string[] = [];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? "";
    if ((glob === undefined || glob(key)) && may(identity, "read", key)) found.push(key);
    if (i % STEP_KEYS === 0) yield;
  }
  return found;
}
