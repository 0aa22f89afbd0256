/**
 * Writer of MessagePack values as pieces: short ones in blocks, long ones without a copy.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { type EntryFields, valuesOf } from "../../domain/streams/entry.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";

/** Values of this size (bytes) and more are pieces of their own, which are not copied. */
export const PIECE_BYTES = 16 * 1024;
/** Bytes of a block that collects short values. */
export const BLOCK_BYTES = 64 * 1024;
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
const UINT: Heads = { fix: { first: 0x00, lengths: 128 }, bits8: 0xcc, bits16: 0xcd, bits32: 0xce };
const NIL = 0xc0;

/** Collects values. */
export class MsgpackWriter {
  readonly #pieces: Uint8Array[] = [];
  #block: Uint8Array;
  #from = 0;
  #at = 0;
  #values = 0;

  /** @param estimatedBytes size of the short values together; may be exceeded */
  constructor(estimatedBytes = BLOCK_BYTES) {
    this.#block = new Uint8Array(Math.min(estimatedBytes, BLOCK_BYTES));
  }

  /** Begins an array. Its values follow. */
  array(length: number): void {
    this.#head(ARRAY, length);
  }

  /** Begins a map. Its names and values follow. */
  map(size: number): void {
    this.#head(MAP, size);
  }

  nil(): void {
    this.#reserve(1);
    this.#block[this.#at++] = NIL;
  }

  /** Adds an integer from 0 to 2^32 - 1. */
  uint(value: number): void {
    this.#head(UINT, value);
  }

  /** Adds text that has only ASCII characters, such as an entry id. */
  ascii(text: string): void {
    this.#head(STR, text.length);
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#block[this.#at++] = text.charCodeAt(i);
  }

  /** Adds text that is UTF-8 already. */
  text(bytes: Uint8Array): void {
    this.#head(STR, bytes.length);
    this.#add(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#head(BIN, bytes.length);
    this.#add(bytes);
  }

  /** Adds the fields of an entry as a map. */
  *fields(fields: EntryFields): Generator<void, void> {
    this.map(fields.size);
    for (const [field, content] of fields) {
      this.text(bytesOfText(field));
      if (!(content instanceof Uint8Array)) this.array(content.length);
      for (const one of valuesOf(content)) {
        this.bytes(one);
        yield* this.step();
      }
    }
  }

  /** Counts a value, and yields after each few hundred. */
  *step(): Generator<void, void> {
    if (++this.#values % STEP_VALUES === 0) yield;
  }

  /** Returns everything written. */
  take(): Pieces {
    this.#closePiece();
    return this.#pieces;
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length >= PIECE_BYTES) {
      this.#closePiece();
      this.#pieces.push(bytes);
    } else {
      this.#reserve(bytes.length);
      this.#block.set(bytes, this.#at);
      this.#at += bytes.length;
    }
  }

  #closePiece(): void {
    if (this.#at > this.#from) this.#pieces.push(this.#block.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#block.length) return;
    this.#closePiece();
    this.#block = new Uint8Array(BLOCK_BYTES);
    this.#from = 0;
    this.#at = 0;
  }

  #head({ fix, bits8, bits16, bits32 }: Heads, length: number): void {
    this.#reserve(5);
    const block = this.#block;
    if (fix !== undefined && length < fix.lengths) {
      block[this.#at++] = fix.first + length;
      return;
    }
    const size = bits8 !== undefined && length < 2 ** 8 ? 1 : length < 2 ** 16 ? 2 : 4;
    block[this.#at++] = (size === 1 ? bits8 : size === 2 ? bits16 : bits32) ?? bits32;
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) block[this.#at++] = length >>> shift;
  }
}
