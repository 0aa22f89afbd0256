/**
 * A pull client that costs next to nothing, and still looks at every entry: that its number is the one after the last,
 * so that a rate is never that of entries that were lost, repeated or out of order.
 */
import { entryNumber, entrySentAt, STAMP_BYTES } from "./entry.ts";
import { BINARY, createSplitter, TEXT } from "./frames.ts";
import type { Samples } from "./statistics.ts";
import { openWebSocket, type Target } from "./websocket.ts";

const BRACKET = "[".charCodeAt(0);
const EMPTY_HEADER_BYTES = "[]".length;

/** A pull client and what it has seen. */
export interface WebSocketReader {
  /** Entries so far, each in its place. */
  readonly entries: number;
  /** Headers of the two-message form so far, without those of the empty pairs that say that it is quiet. */
  readonly headers: number;
  /** @throws Error when the connection failed or an entry came out of its place */
  check(): void;
  stopReading(): void;
  close(): void;
}

/**
 * @param latencies gets, for each entry, ms from when it was sent to when it was read here; the pusher must be in
 *   this process, because that is what its clock is good for
 */
export async function openReader(target: Target, latencies?: Samples): Promise<WebSocketReader> {
  let entries = 0;
  let headers = 0;
  const split = createSplitter((opcode, payloadBytes, bytes, head) => {
    if (opcode === BINARY) {
      if (payloadBytes < STAMP_BYTES) return;
      const number = entryNumber(bytes, head);
      if (number !== entries) throw new Error(`entry ${number} came in the place of entry ${entries}`);
      entries++;
      if (latencies !== undefined) latencies.add(performance.now() - entrySentAt(bytes, head));
    } else if (opcode === TEXT) {
      if (payloadBytes === EMPTY_HEADER_BYTES) return;
      if (bytes[head] !== BRACKET || bytes[head + 1] !== BRACKET) throw new Error("a header that is no list");
      headers++;
    }
  });
  const connection = await openWebSocket(target, split);
  return {
    get entries() {
      return entries;
    },
    get headers() {
      return headers;
    },
    check() {
      if (connection.failure !== "") throw new Error(`${target.path}: ${connection.failure}`);
    },
    stopReading: connection.stopReading,
    close: connection.close,
  };
}
