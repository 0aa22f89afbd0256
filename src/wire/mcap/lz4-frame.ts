/**
 * Decompresses LZ4 frames, in which other programs compress chunks. `@foxglove/wasm-lz4` does not reset its context after an error:
 * one damaged file made all later ones unreadable, and a frame that is larger than its chunk states looks like a damaged one.
 *
 * @see https://github.com/lz4/lz4/blob/v1.10.0/doc/lz4_Frame_format.md
 * @see https://github.com/lz4/lz4/blob/v1.10.0/doc/lz4_Block_format.md
 */
import { xxh32 } from "./xxh32.ts";

const FRAME_MAGIC = 0x184d2204;
/** First of 16 magic numbers of frames without content. */
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Version 1 in the flags of a frame. */
const VERSION = 1;
/** Bit of a block that is stored as it is. */
const IS_PLAIN = 0x80000000;
/** Minimum length of a repetition. */
const MIN_MATCH = 4;
/** Value of a half of a token whose length has further bytes. */
const MORE = 15;

/** Error for content that exceeds its limit. */
export class TooLargeError extends Error {}

/**
 * Decompresses frames.
 *
 * @param maxBytes maximum size of their content
 * @throws TooLargeError, or Error if a frame is damaged
 */
export function decompressLz4(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const output = new Uint8Array(maxBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let filled = 0;
  for (let at = 0; at < bytes.length; ) {
    const magic = view.getUint32(at, true);
    if ((magic & ~0xf) === SKIPPABLE_MAGIC) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw new Error("not an LZ4 frame");
    [at, filled] = readFrame(view, at + 4, output, filled);
  }
  return output.subarray(0, filled);
}

/** Decompresses a frame. @param start position after its magic number @returns its end, and that of its content in `output` */
function readFrame(view: DataView, start: number, output: Uint8Array, from: number): [number, number] {
  const flags = view.getUint8(start);
  if (flags >> 6 !== VERSION) throw new Error("unknown version of LZ4 frames");
  const has = (bit: number) => (flags & bit) !== 0;
  if (has(0x01)) throw new Error("LZ4 dictionaries are not supported");
  let at = start + 2 + (has(0x08) ? 8 : 0);
  if (view.getUint8(at) !== ((xxh32(bytesOf(view, start, at)) >>> 8) & 0xff))
    throw new Error("the head of an LZ4 frame is damaged");
  at += 1;
  let filled = from;
  for (;;) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) break;
    const isPlain = (size & IS_PLAIN) !== 0;
    const block = bytesOf(view, at, at + (size & ~IS_PLAIN));
    at += block.length + (has(0x10) ? 4 : 0);
    filled = isPlain ? append(block, output, filled) : readBlock(block, output, filled);
  }
  if (!has(0x04)) return [at, filled];
  if (view.getUint32(at, true) !== xxh32(output.subarray(from, filled)))
    throw new Error("the checksum of an LZ4 frame differs");
  return [at + 4, filled];
}

/** Returns bytes of a view. @throws RangeError if it does not have them */
const bytesOf = (view: DataView, from: number, to: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + from, checkedLength(view, from, to));

function checkedLength(view: DataView, from: number, to: number): number {
  if (to > view.byteLength) throw new RangeError("the LZ4 frame is cut off");
  return to - from;
}

function append(bytes: Uint8Array, output: Uint8Array, at: number): number {
  if (bytes.length > output.length - at) throw new TooLargeError();
  output.set(bytes, at);
  return at + bytes.length;
}

/** Decompresses a block. @param start its position in `output` @returns its end */
function readBlock(block: Uint8Array, output: Uint8Array, start: number): number {
  let [at, to] = [0, start];
  /** Returns a length whose first part is in a token. */
  const lengthOf = (first: number): number => {
    let length = first;
    for (let next = 255; first === MORE && next === 255; length += next) next = block[at++] ?? 0;
    return length;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = lengthOf(token >> 4);
    if (literals > block.length - at) throw new RangeError("an LZ4 block is cut off");
    if (literals > output.length - to) throw new TooLargeError();
    if (literals > 32) output.set(block.subarray(at, at + literals), to);
    else for (let i = 0; i < literals; i++) output[to + i] = block[at + i] ?? 0;
    to += literals;
    at += literals;
    if (at === block.length) return to;
    const offset = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    const length = MIN_MATCH + lengthOf(token & MORE);
    if (offset === 0 || offset > to || at > block.length) throw new RangeError("an LZ4 block is damaged");
    if (length > output.length - to) throw new TooLargeError();
    repeat(output, to, offset, length);
    to += length;
  }
  throw new RangeError("an LZ4 block is cut off");
}

/** Appends bytes that were written before. They may overlap with the place that they are written to. */
function repeat(output: Uint8Array, to: number, offset: number, length: number): void {
  if (length <= 32) {
    for (let i = to; i < to + length; i++) output[i] = output[i - offset] ?? 0;
    return;
  }
  // What is written becomes a part of what can be copied next.
  for (let done = 0; done < length; ) {
    const count = Math.min(length - done, offset + done);
    output.copyWithin(to + done, to - offset, to - offset + count);
    done += count;
  }
}
