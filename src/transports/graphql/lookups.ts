/** What one operation asks the registry for more than once: several devices' streams are one walk over the keys. */
import { type Identity, readable } from "../../access/authorize.ts";
import type { Registry } from "../../redis/registry.ts";

/** Lists of what the client may read, each read once in an operation. */
export interface Lookups {
  streamKeys(match?: string): Promise<readonly string[]>;
  knownStreamKeys(match?: string): Promise<readonly string[]>;
}

/** Makes the lookups of an operation. */
export function createLookups(registry: Registry, identity: Identity): Lookups {
  const once = (read: (match?: string) => Promise<readonly string[]>) => {
    const known = new Map<string | undefined, Promise<readonly string[]>>();
    return (match?: string) => {
      const reading = known.get(match) ?? read(match).then((keys) => readable(identity, keys));
      known.set(match, reading);
      return reading;
    };
  };
  return { streamKeys: once(registry.streamKeys), knownStreamKeys: once(registry.knownStreamKeys) };
}
