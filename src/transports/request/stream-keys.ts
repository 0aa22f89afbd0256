/**
 * The stream key of each stream id that a connection writes to, with leave asked for the first time and not for each
 * entry. Keys that were made once are also cheaper than keys that are put together for each entry.
 */

/** What is asked of a key that the connection has not used yet. @throws GatewayError where it may not */
export type AskLeave = (key: string) => void;

/** Gives keys by stream ids. */
export interface StreamKeys {
  /** @throws what asking for leave throws */
  keyOf(streamId: string): string;
  /** Leave has to be asked anew. */
  forget(): void;
}

/** Stream ids remembered; they are the client's, so there could be many. */
const MOST_KEYS = 4096;

/** Makes the keys of a connection. */
export function createStreamKeys(keyOf: (streamId: string) => string, askLeave: AskLeave): StreamKeys {
  const known = new Map<string, string>();
  return {
    keyOf(streamId) {
      const found = known.get(streamId);
      if (found !== undefined) return found;
      const key = keyOf(streamId);
      askLeave(key);
      if (known.size >= MOST_KEYS) known.clear();
      known.set(streamId, key);
      return key;
    },
    forget: () => known.clear(),
  };
}
