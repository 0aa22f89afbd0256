/** Pull client of `format=msgpack` with minimal cost: it counts the entries of each message by the head of its list. */
import { BINARY, createSplitter } from "./frames.ts";
import { openWebSocket, type Target } from "./websocket.ts";

/** A pull client and its counter. */
export interface BatchReader {
  /** Entries received so far. */
  readonly entries: number;
  /** Time at which the last message with entries arrived, in ms of `performance.now()`. */
  readonly lastAt: number;
  /** @throws Error if the connection failed */
  check(): void;
  close(): void;
}

const FIXARRAY = 0x90;
const ARRAY_16 = 0xdc;

/** Connects. Notices are maps, and not counted. */
export async function openBatchReader(target: Target): Promise<BatchReader> {
  let entries = 0;
  let lastAt = 0;
  const split = createSplitter((opcode, _payloadBytes, bytes, head) => {
    const first = bytes[head] ?? 0;
    const count = (first & 0xf0) === FIXARRAY ? first & 0x0f : 0;
    const found = opcode === BINARY && first === ARRAY_16 ? bytes.readUInt16BE(head + 1) : count;
    if (opcode !== BINARY || found === 0) return;
    entries += found;
    lastAt = performance.now();
  });
  const connection = await openWebSocket(target, split);
  return {
    get entries() {
      return entries;
    },
    get lastAt() {
      return lastAt;
    },
    check() {
      if (connection.failure !== "") throw new Error(`${target.path.slice(0, 80)}: ${connection.failure}`);
    },
    close: connection.close,
  };
}
