/**
 * Pull client with minimal cost. It checks that the number of each entry follows the previous one, so that lost, repeated
 * or reordered entries fail the measurement.
 */
import { entryNumber, entrySentAt, STAMP_BYTES } from "../entry.ts";
import type { Samples } from "../measurement/statistics.ts";
import { BINARY, createSplitter, TEXT } from "./frames.ts";
import { openWebSocket, type Target } from "./websocket.ts";

const BRACKET = "[".charCodeAt(0);
const EMPTY_HEADER_BYTES = "[]".length;

/** A pull client and its counters. */
export interface WebSocketReader {
  /** Entries received so far, in order. */
  readonly entries: number;
  /** Headers of the two-message form so far, without those of empty keep-alive pairs. */
  readonly headers: number;
  /** @throws Error if the connection failed or an entry was out of order */
  check(): void;
  stopReading(): void;
  close(): void;
}

/**
 * @param latencies receives the time in ms from sending to reading each entry; the pusher must be in this process, because
 *   both use its clock
 */
export async function openReader(target: Target, latencies?: Samples): Promise<WebSocketReader> {
  let entries = 0;
  let headers = 0;
  const split = createSplitter((opcode, payloadBytes, bytes, head) => {
    if (opcode === BINARY) {
      if (payloadBytes < STAMP_BYTES) return;
      const number = entryNumber(bytes, head);
      if (number !== entries) throw new Error(`expected entry ${entries}, got entry ${number}`);
      entries++;
      if (latencies !== undefined) latencies.add(performance.now() - entrySentAt(bytes, head));
    } else if (opcode === TEXT) {
      if (payloadBytes === EMPTY_HEADER_BYTES) return;
      if (bytes[head] !== BRACKET || bytes[head + 1] !== BRACKET)
        throw new Error("expected a header that is a JSON array of arrays");
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
