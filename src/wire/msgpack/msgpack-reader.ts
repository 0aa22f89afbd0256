/**
 * Bounded reader for MessagePack from untrusted clients. Five bytes can claim a list of four billion items, and 100 KB of
 * nested lists can make a decoder that trusts lengths allocate gigabytes. This reader grows lists and maps by the items
 * actually present, and limits the nesting and the number of values (docs/decisions/0014-own-messagepack-reader.md).
 *
 *     [ [stream_id, entry_id, payload, {name: [value, …]}], … ]
 *     1 2                              3      4                 depth
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import type { GatewayError } from "../../domain/errors.ts";
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import { checkFieldCount, MAX_FIELDS, maxValuesOf, preview, tooManyValues } from "../push-batch.ts";
import { textOf } from "../utf8.ts";
import { ByteCursor, broken } from "./byte-cursor.ts";

const MAX_DEPTH = 4;
/** Maximum nesting of a payload. Reading it recurses. */
const MAX_VALUE_DEPTH = 200;

/** Text over this size (bytes) is left as its bytes. */
const LONG_TEXT_BYTES = 16 * 1024;

/** Text from this size (bytes) is hardly a name that is repeated. */
const LONG_NAME_BYTES = 32;

/** Values of one pushed entry: itself, its three parts and its map, and of each field the name, a list and a value. */
const MAX_ITEM_VALUES = 5 + 3 * MAX_FIELDS;

/** Values that are stepped over between two yields. */
const VALUES_PER_STEP = 1024;

/** Whether a value that begins with this byte is a map. */
const isMap = (type: number): boolean => (type >= 0x80 && type < 0x90) || type === 0xde || type === 0xdf;

/**
 * Reads a message that is one MessagePack value.
 *
 * - Integers become a number, or a bigint if a number would lose digits.
 * - bin becomes a view of the message.
 * - str becomes a string, or its bytes if they are not valid UTF-8.
 * - Maps become a `Map`.
 *
 * @param isStored the message was sent by the gateway: other programs may store entries with more fields than a push allows
 * @throws GatewayError BAD_HEADER if it is not valid, TOO_LARGE if it holds more values than a batch can have
 */
export const readMsgpack = (message: Uint8Array, maxEntries: number, isStored = false): unknown =>
  runAtOnce(readMsgpackSteps(message, maxEntries, isStored));

/**
 * Reads a payload that is any MessagePack value. Maps become objects, and extensions their bytes.
 *
 * @throws GatewayError BAD_HEADER if it is not valid
 */
export const readMsgpackValue = (payload: Uint8Array): unknown =>
  runAtOnce(
    new MsgpackReader(payload, { maxEntries: payload.length, isStored: true, isPayload: true }).read(),
  );

/** Reads the same in steps: the caller may do other work after each `yield`, between two items of the outermost list. */
export const readMsgpackSteps = (
  message: Uint8Array,
  maxEntries: number,
  isStored = false,
): Generator<void, unknown> => new MsgpackReader(message, { maxEntries, isStored, isPayload: false }).read();

/** Kind of a message. */
interface MessageKind {
  readonly maxEntries: number;
  /** Sent by the gateway, so fields are not limited. */
  readonly isStored: boolean;
  /** Any value, instead of a batch. */
  readonly isPayload: boolean;
}

/** Reader of one message. */
class MsgpackReader {
  readonly #cursor: ByteCursor;
  readonly #isStored: boolean;
  readonly #isPayload: boolean;
  readonly #maxDepth: number;
  /** Maximum number of values. */
  readonly #max: number;
  #values = 0;
  /** The first text of each length. Entries repeat the names of their stream and fields, and comparing is faster than decoding. */
  readonly #texts: (readonly [bytes: Uint8Array, value: string | Uint8Array] | undefined)[] = [];
  /** Maximum of `#values` at the end of the current item. */
  #maxOfItem: number;

  constructor(message: Uint8Array, { maxEntries, isStored, isPayload }: MessageKind) {
    this.#cursor = new ByteCursor(message);
    this.#isStored = isStored;
    this.#isPayload = isPayload;
    this.#maxDepth = isPayload ? MAX_VALUE_DEPTH : MAX_DEPTH;
    this.#max = maxValuesOf(maxEntries);
    this.#maxOfItem = this.#max;
  }

  /** Reads the message in steps. @throws GatewayError */
  *read(): Generator<void, unknown> {
    const read = yield* this.#outermost();
    const { left } = this.#cursor;
    if (left > 0) throw broken(`${left} bytes follow the value`);
    return read;
  }

  *#outermost(): Generator<void, unknown> {
    if (this.#isPayload) return this.#value(1);
    const length = this.#listLength();
    if (length === undefined) {
      if (this.#isStored || !isMap(this.#cursor.peek())) return this.#value(1);
      // A map is not a batch: only its syntax is checked.
      yield* this.#skipValue();
      return new Map();
    }
    this.#values++;
    const items: unknown[] = [];
    while (items.length < length) {
      this.#maxOfItem = this.#isStored ? this.#max : Math.min(this.#max, this.#values + MAX_ITEM_VALUES);
      items.push(this.#value(2));
      yield;
    }
    return items;
  }

  #value(depth: number): unknown {
    if (++this.#values > this.#maxOfItem) throw this.#tooMany();
    const cursor = this.#cursor;
    const type = cursor.uint8();
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#list(type & 0x0f, depth);
    if (type < 0xc0) return this.#text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    if (type >= 0xca && type <= 0xd3) return cursor.number(type);
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return cursor.bytes(cursor.uint8());
      case 0xc5:
        return cursor.bytes(cursor.uint16());
      case 0xc6:
        return cursor.bytes(cursor.uint32());
      case 0xd9:
        return this.#text(cursor.uint8());
      case 0xda:
        return this.#text(cursor.uint16());
      case 0xdb:
        return this.#text(cursor.uint32());
      case 0xdc:
        return this.#list(cursor.uint16(), depth);
      case 0xdd:
        return this.#list(cursor.uint32(), depth);
      case 0xde:
        return this.#map(cursor.uint16(), depth);
      case 0xdf:
        return this.#map(cursor.uint32(), depth);
      case 0xc1:
        throw broken("0xc1 is not a type");
      default:
        if (this.#isPayload) return this.#extension(type);
        throw broken("extension types are not supported");
    }
  }

  #text(length: number): string | Uint8Array {
    const known = this.#texts[length];
    if (known && this.#cursor.skip(known[0])) return known[1];
    const bytes = this.#cursor.bytes(length);
    // Long text is a payload or a field, whose bytes are used unchanged.
    if (length > LONG_TEXT_BYTES && !this.#isPayload) return bytes;
    const value = textOf(bytes) ?? bytes;
    if (length < LONG_NAME_BYTES) this.#texts[length] ??= [bytes, value];
    return value;
  }

  #list(length: number, depth: number): unknown[] {
    this.#checkDepth(depth);
    const items: unknown[] = [];
    while (items.length < length) items.push(this.#value(depth + 1));
    return items;
  }

  #map(length: number, depth: number): unknown {
    this.#checkDepth(depth);
    // Checks the number of fields before reading them.
    if (!this.#isStored && depth === MAX_DEPTH) checkFieldCount(length);
    const members = new Map<string, unknown>();
    while (members.size < length) {
      const read = this.#value(depth + 1);
      const given = read instanceof Uint8Array ? textOf(read) : read;
      const name = this.#isPayload ? String(given) : given;
      if (typeof name !== "string") throw broken(`a field name must be a string, got ${preview(read)}`);
      if (members.has(name)) throw broken(`duplicate field ${preview(name)}`);
      members.set(name, this.#value(depth + 1));
    }
    return this.#isPayload ? Object.fromEntries(members) : members;
  }

  /** Reads an extension: its length, unless the first byte implies it, its type, and its bytes. */
  #extension(type: number): Uint8Array {
    const length =
      type >= 0xd4
        ? 2 ** (type - 0xd4)
        : type === 0xc7
          ? this.#cursor.uint8()
          : type === 0xc8
            ? this.#cursor.uint16()
            : this.#cursor.uint32();
    this.#cursor.uint8();
    return this.#cursor.bytes(length);
  }

  #checkDepth(depth: number): void {
    if (depth > this.#maxDepth) throw broken(`it nests deeper than ${this.#maxDepth} levels`);
  }

  #tooMany(): GatewayError {
    return this.#values > this.#max
      ? tooManyValues(this.#max, "the message")
      : tooManyValues(MAX_ITEM_VALUES, "an entry");
  }

  /** Skips a value of any type and depth. */
  *#skipValue(): Generator<void, void> {
    // The values are not stored, so their number is not limited.
    this.#maxOfItem = Number.POSITIVE_INFINITY;
    for (let missing = 1, steps = 0; missing > 0; missing--) {
      missing += this.#skipHead();
      // Each value takes at least one byte.
      if (missing - 1 > this.#cursor.left) throw broken("it ends inside a value");
      if (++steps % VALUES_PER_STEP === 0) yield;
    }
  }

  /** Skips a value, or the head of a list or map. @returns the number of its values */
  #skipHead(): number {
    const cursor = this.#cursor;
    if (isMap(cursor.peek())) {
      const head = cursor.uint8();
      return 2 * (head < 0x90 ? head & 0x0f : head === 0xde ? cursor.uint16() : cursor.uint32());
    }
    const length = this.#listLength();
    if (length !== undefined) return length;
    this.#value(1);
    return 0;
  }

  /** Skips the head of a list. @returns its length; undefined, without skipping, if the value is not a list */
  #listLength(): number | undefined {
    const cursor = this.#cursor;
    const type = cursor.peek();
    if (type >= 0x90 && type < 0xa0) return cursor.uint8() & 0x0f;
    if (type === 0xdc) return cursor.uint8() && cursor.uint16();
    return type === 0xdd ? cursor.uint8() && cursor.uint32() : undefined;
  }
}
