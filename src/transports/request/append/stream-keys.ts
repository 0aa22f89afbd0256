/**
 * Cache of the stream keys that a connection writes to. Permission is checked once per key instead of once per entry,
 * and a cached key is cheaper than building one per entry.
 */

/** Checks that a connection may write to a key that it uses for the first time. @throws GatewayError if it may not */
export type CheckKey = (key: string) => void;

/** Stream keys of one connection, by stream id. */
export interface StreamKeys {
  /** Returns the key of a stream id. @throws GatewayError of `CheckKey` */
  keyOf(streamId: string): string;
  /** Clears the cache, so that every key is checked again. */
  forget(): void;
}

/** Maximum number of cached keys. Clients choose the stream ids, so the number must be limited. */
const MAX_KEYS = 4096;

/** Creates the key cache of a connection. */
export function createStreamKeys(keyOf: (streamId: string) => string, checkKey: CheckKey): StreamKeys {
  const known = new Map<string, string>();
  return {
    keyOf(streamId) {
      const found = known.get(streamId);
      if (found !== undefined) return found;
      const key = keyOf(streamId);
      checkKey(key);
      if (known.size >= MAX_KEYS) known.clear();
      known.set(streamId, key);
      return key;
    },
    forget: () => known.clear(),
  };
}
