/**
 * Format of pushed entries. Each one carries its number in its stream, so that a reader detects missing, repeated and
 * reordered entries, and the time at which it was sent.
 *
 *     0        4            12
 *     | number | sent (f64) | filler …            little-endian; sent in ms of performance.now()
 */
import { MASK } from "./clients/frames.ts";

/** Minimum length of an entry. */
export const STAMP_BYTES = 12;

/** Creates a payload whose bytes are not all equal. */
export function filler(entryBytes: number): Buffer {
  const payload = Buffer.alloc(entryBytes);
  for (let i = 0; i < entryBytes; i++) payload[i] = (i * 31 + 7) & 0xff;
  return payload;
}

const sent = new Float64Array(1);
const sentWords = new Uint32Array(sent.buffer);

/**
 * Writes number and time into an entry inside a masked frame.
 *
 * @param at start of the entry
 * @param mask of the entry's first four bytes; the default is for entries whose distance to the payload's start is a
 *   multiple of 4
 */
export function stampMasked(bytes: Buffer, at: number, number: number, sentAtMs: number, mask = MASK): void {
  sent[0] = sentAtMs;
  bytes.writeUInt32LE((number ^ mask) >>> 0, at);
  bytes.writeUInt32LE(((sentWords[0] ?? 0) ^ mask) >>> 0, at + 4);
  bytes.writeUInt32LE(((sentWords[1] ?? 0) ^ mask) >>> 0, at + 8);
}

/** Returns an entry's number in its stream. */
export const entryNumber = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at);

/** Returns the time at which the entry at an offset was sent, in ms of performance.now(). */
export const entrySentAt = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + 4);
