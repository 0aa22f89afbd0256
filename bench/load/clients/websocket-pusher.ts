/**
 * Push client that sends entries of one size at the requested rate. Frames are masked once and only stamped again, many
 * are sent in one write, and an acknowledgement is only checked for an entry id.
 */
import { filler, STAMP_BYTES, stampMasked } from "../entry.ts";
import {
  BINARY,
  clientFrameBytes,
  clientHeaderBytes,
  createSplitter,
  HEAD_BYTES,
  TEXT,
  writeClientFrame,
} from "./frames.ts";
import { openWebSocket, type Target } from "./websocket.ts";

/** A push client with `header=0`, one message per entry. */
export interface WebSocketPusher {
  /** Entries written to the socket so far. */
  readonly pushed: number;
  /** Entries acknowledged so far (`ack=1`). */
  readonly acknowledged: number;
  /** Sends a number of entries. */
  push(count: number): void;
  /** @throws Error if the connection failed or an entry was rejected */
  check(): void;
  close(): void;
}

const WRITE_BYTES = 64 * 1024;
const MAX_FRAMES_A_WRITE = 256;

/**
 * @param entryBytes length of each entry
 * @param onAcknowledged called once for all acknowledgements that arrive together
 */
export async function openPusher(
  target: Target,
  entryBytes: number,
  onAcknowledged?: () => void,
): Promise<WebSocketPusher> {
  if (entryBytes < STAMP_BYTES)
    throw new Error(`entryBytes must be at least ${STAMP_BYTES}, got ${entryBytes}`);
  let pushed = 0;
  let acknowledged = 0;
  const split = createSplitter((opcode, payloadBytes, bytes, head) => {
    if (opcode !== TEXT) return;
    const start = bytes.toString("latin1", head, head + Math.min(payloadBytes, HEAD_BYTES));
    if (!/^\["\d/.test(start)) throw new Error(`expected an acknowledgement, got ${start}`);
    acknowledged++;
  });
  const connection = await openWebSocket(target, (bytes, from, to) => {
    split(bytes, from, to);
    onAcknowledged?.();
  });

  const frameBytes = clientFrameBytes(entryBytes);
  const headerBytes = clientHeaderBytes(entryBytes);
  const framesAWrite = Math.max(1, Math.min(MAX_FRAMES_A_WRITE, Math.floor(WRITE_BYTES / frameBytes)));
  const pattern = Buffer.alloc(framesAWrite * frameBytes);
  const payload = filler(entryBytes);
  for (let at = 0; at < pattern.length; ) at = writeClientFrame(pattern, at, BINARY, payload);
  /** Buffers without a pending write. There are as many as the caller has entries in flight. */
  const free: Buffer[] = [];

  return {
    get pushed() {
      return pushed;
    },
    get acknowledged() {
      return acknowledged;
    },
    push(count) {
      for (let left = count; left > 0; ) {
        const frames = Math.min(left, framesAWrite);
        const buffer = free.pop() ?? Buffer.from(pattern);
        const now = performance.now();
        for (let i = 0; i < frames; i++) stampMasked(buffer, i * frameBytes + headerBytes, pushed + i, now);
        connection.socket.write(buffer.subarray(0, frames * frameBytes), () => free.push(buffer));
        pushed += frames;
        left -= frames;
      }
    },
    check() {
      if (connection.failure !== "") throw new Error(`${target.path}: ${connection.failure}`);
    },
    close: connection.close,
  };
}
