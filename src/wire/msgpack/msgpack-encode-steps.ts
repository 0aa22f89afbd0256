/**
 * Encodes the clean format as MessagePack in steps, for long batches: the library encodes a batch as a whole. The caller may
 * do other work after each `yield`.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { type Entry, type StreamEntries, valuesOf } from "../../domain/streams/entry.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";

/** Values of this size (bytes) and more are pieces of their own, which are not copied. */
const PIECE_BYTES = 16 * 1024;
/** Bytes of a block that collects short values. */
const BLOCK_BYTES = 64 * 1024;
/** Values that are encoded between two yields. */
const STEP_VALUES = 256;

/** First bytes of a type: for lengths within the byte itself, of 8, of 16 and of 32 bits; absent if the type has no such form. */
interface Heads {
  /** The byte of length 0, and how many lengths follow it. */
  readonly fix?: { readonly first: number; readonly lengths: number };
  readonly bits8?: number;
  readonly bits16: number;
  readonly bits32: number;
}

const ARRAY: Heads = { fix: { first: 0x90, lengths: 16 }, bits16: 0xdc, bits32: 0xdd };
const MAP: Heads = { fix: { first: 0x80, lengths: 16 }, bits16: 0xde, bits32: 0xdf };
const STR: Heads = { fix: { first: 0xa0, lengths: 32 }, bits8: 0xd9, bits16: 0xda, bits32: 0xdb };
const BIN: Heads = { bits8: 0xc4, bits16: 0xc5, bits32: 0xc6 };

/** Encodes entries as the same value as `encodeMsgpack`. */
export function* encodeMsgpackSteps(streams: readonly StreamEntries[]): Generator<void, Pieces> {
  const out = createWriter();
  let values = 0;

  function* item(name: Uint8Array, { id, data, fields }: Entry): Generator<void, void> {
    out.head(ARRAY, fields === undefined ? 3 : 4);
    out.value(STR, name);
    out.value(STR, bytesOfText(id));
    out.value(BIN, data);
    if (++values % STEP_VALUES === 0) yield;
    if (fields === undefined) return;
    out.head(MAP, fields.size);
    for (const [field, content] of fields) {
      out.value(STR, bytesOfText(field));
      if (!(content instanceof Uint8Array)) out.head(ARRAY, content.length);
      for (const one of valuesOf(content)) {
        out.value(BIN, one);
        if (++values % STEP_VALUES === 0) yield;
      }
    }
  }

  out.head(
    ARRAY,
    streams.reduce((sum, { entries }) => sum + entries.length, 0),
  );
  for (const { stream, entries } of streams) {
    const name = bytesOfText(stream);
    for (const entry of entries) yield* item(name, entry);
  }
  return out.take();
}

/** Collects values as pieces. */
function createWriter() {
  const pieces: Uint8Array[] = [];
  let block = new Uint8Array(BLOCK_BYTES);
  let view = new DataView(block.buffer);
  let from = 0;
  let at = 0;

  function closePiece(): void {
    if (at > from) pieces.push(block.subarray(from, at));
    from = at;
  }

  function reserve(bytes: number): void {
    if (at + bytes <= block.length) return;
    closePiece();
    block = new Uint8Array(BLOCK_BYTES);
    view = new DataView(block.buffer);
    from = 0;
    at = 0;
  }

  function head({ fix, bits8, bits16, bits32 }: Heads, length: number): void {
    reserve(5);
    if (fix !== undefined && length < fix.lengths) {
      block[at++] = fix.first + length;
    } else if (bits8 !== undefined && length < 2 ** 8) {
      block[at++] = bits8;
      block[at++] = length;
    } else if (length < 2 ** 16) {
      block[at++] = bits16;
      view.setUint16(at, length);
      at += 2;
    } else {
      block[at++] = bits32;
      view.setUint32(at, length);
      at += 4;
    }
  }

  return {
    head,
    /** Adds bytes with their head. */
    value(heads: Heads, bytes: Uint8Array): void {
      head(heads, bytes.length);
      if (bytes.length >= PIECE_BYTES) {
        closePiece();
        pieces.push(bytes);
      } else {
        reserve(bytes.length);
        block.set(bytes, at);
        at += bytes.length;
      }
    },
    take(): Pieces {
      closePiece();
      return pieces;
    },
  };
}
