/**
 * The entries that are pushed: each carries its number in its stream, so that a reader can tell a missing, repeated
 * or reordered one, and the time it was sent.
 *
 *     0        4            12
 *     | number | sent (f64) | filler …            little-endian; sent in ms of performance.now()
 */
import { MASK } from "./frames.ts";

/** The least an entry may be long. */
export const STAMP_BYTES = 12;

/** A payload of that length whose bytes are not all the same. */
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
 * @param at where the entry starts; a multiple of 4 after the payload's start, or the mask would be out of step
 */
export function stampMasked(bytes: Buffer, at: number, number: number, sentAtMs: number): void {
  sent[0] = sentAtMs;
  bytes.writeUInt32LE((number ^ MASK) >>> 0, at);
  bytes.writeUInt32LE(((sentWords[0] ?? 0) ^ MASK) >>> 0, at + 4);
  bytes.writeUInt32LE(((sentWords[1] ?? 0) ^ MASK) >>> 0, at + 8);
}

/** An entry's number in its stream. */
export const entryNumber = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at);

/** When the entry that starts there was sent, in ms of performance.now(). */
export const entrySentAt = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + 4);
