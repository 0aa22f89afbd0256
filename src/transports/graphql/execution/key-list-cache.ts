/** Cache of stream lists for one operation. Listing the streams of several devices scans the keys only once. */
import { ANYONE, type Identity, may } from "../../../access/identity/authorize.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import { parseGlob } from "../../../domain/streams/glob.ts";
import type { Registry } from "../../../redis/registry/registry.ts";

/** Lists of streams that the client may read, each loaded once per operation. All methods throw `GatewayError`. */
export interface Lookups {
  /** Lists streams that have entries. @param match Redis glob pattern; omitted for all streams */
  streamKeys(match?: string): Promise<readonly string[]>;
  /** Lists streams that have entries or metadata. */
  knownStreamKeys(match?: string): Promise<readonly string[]>;
}

/** Number of keys tested between two yields. */
const STEP_KEYS = 64;

/** Creates the cache of one operation. */
export function createLookups(registry: Registry, identity: Identity, workSlices: WorkSlices): Lookups {
  const once = (read: () => Promise<readonly string[]>) => {
    const known = new Map<string | undefined, Promise<readonly string[]>>();
    let all: Promise<readonly string[]> | undefined;
    return async (match?: string) => {
      const glob = match === undefined ? undefined : parseGlob(match, "match");
      all ??= read();
      const reading = known.get(match) ?? all.then((keys) => workSlices.run(selected(keys, identity, glob)));
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
