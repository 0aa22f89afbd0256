/**
 * Protocol Buffers, as far as wrapping a payload needs it: writes the fields before a payload, and finds a payload in a message.
 *
 * A field is a tag, which is its number times 8 plus its wire type, and a value. Strings, bytes and messages have their length
 * before them.
 *
 * @see https://protobuf.dev/programming-guides/encoding
 */
import type { LogTime } from "./log-time.ts";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Maximum number of bytes of a field that is not text: a tag, and a varint of 64 bits. */
const MAX_NUMBER_BYTES = 11;

/** Writes fields to a block of a known maximum size. */
export class FieldWriter {
  readonly #block: Uint8Array;
  #at = 0;

  /** @param fields number of fields @param textBytes size of all texts and nested messages */
  constructor(fields: number, textBytes: number) {
    this.#block = new Uint8Array(fields * MAX_NUMBER_BYTES + textBytes);
  }

  /** Adds a number from 0 to 2^53 - 1. A zero, which is the default, is left out. */
  uint(field: number, value: number): void {
    if (value === 0) return;
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  /** Adds a 32-bit number. */
  fixed32(field: number, value: number): void {
    if (value === 0) return;
    this.#varint(field * 8 + FIXED32);
    for (let shift = 0; shift < 32; shift += 8) this.#block[this.#at++] = value >>> shift;
  }

  /** Adds text or a message. Empty text, which is the default, is left out. */
  bytes(field: number, value: Uint8Array): void {
    if (value.length === 0) return;
    this.head(field, value.length);
    this.#block.set(value, this.#at);
    this.#at += value.length;
  }

  /** Adds tag and length of a field whose bytes follow. */
  head(field: number, length: number): void {
    this.#varint(field * 8 + BYTES);
    this.#varint(length);
  }

  take(): Uint8Array {
    return this.#block.subarray(0, this.#at);
  }

  #varint(value: number): void {
    let rest = value;
    // Beyond 32 bits, bit operations would lose digits.
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#block[this.#at++] = (rest % 0x80) | 0x80;
    this.#block[this.#at++] = rest;
  }
}

/** Encodes a `google.protobuf.Timestamp`. */
export function timestamp({ seconds, nanos }: LogTime): Uint8Array {
  const out = new FieldWriter(2, 0);
  out.uint(1, seconds);
  out.uint(2, nanos);
  return out.take();
}

/**
 * Finds a field of bytes or text in a message. Of several, the last one counts.
 *
 * @returns a view; empty if the message does not have the field; undefined if the message is not valid
 */
export function bytesOfField(message: Uint8Array, field: number): Uint8Array | undefined {
  const cursor = new FieldCursor(message);
  let found: Uint8Array = new Uint8Array(0);
  while (!cursor.isAtEnd) {
    const tag = cursor.varint();
    const value = cursor.value(tag % 8);
    if (value === undefined) return undefined;
    if (Math.floor(tag / 8) === field && tag % 8 === BYTES) found = value;
  }
  return cursor.isValid ? found : undefined;
}

/** Position in a message. */
class FieldCursor {
  readonly #message: Uint8Array;
  #at = 0;
  #isValid = true;

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  get isAtEnd(): boolean {
    return !this.#isValid || this.#at >= this.#message.length;
  }

  /** False if the message ended inside a field. */
  get isValid(): boolean {
    return this.#isValid;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1, i = 0; i < 10; i++, factor *= 0x80) {
      const byte = this.#message[this.#at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    this.#isValid = false;
    return 0;
  }

  /** Returns the bytes of a value, without its length; undefined if it is not valid, or a deprecated group. */
  value(type: number): Uint8Array | undefined {
    if (!this.#isValid) return undefined;
    if (type === VARINT) {
      const from = this.#at;
      this.varint();
      return this.#isValid ? this.#message.subarray(from, this.#at) : undefined;
    }
    const length =
      type === FIXED64 ? 8 : type === FIXED32 ? 4 : type === BYTES ? this.varint() : Number.POSITIVE_INFINITY;
    if (!this.#isValid || length > this.#message.length - this.#at) return undefined;
    this.#at += length;
    return this.#message.subarray(this.#at - length, this.#at);
  }
}
