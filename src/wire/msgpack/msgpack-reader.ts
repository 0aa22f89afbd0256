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
import {
  checkFieldCount,
  MOST_FIELDS,
  malformed,
  maxValuesOf,
  preview,
  tooManyValues,
} from "../push-batch.ts";
import { textOf } from "../utf8.ts";

const MOST_DEPTH = 4;
/** Maximum nesting of a payload. Reading it recurses. */
const MOST_VALUE_DEPTH = 200;

/** Text over this size (bytes) is left as its bytes. */
const LONG_TEXT_BYTES = 16 * 1024;

/** Values of one pushed entry: itself, its three parts and its map, and of each field the name, a list and a value. */
const MOST_ITEM_VALUES = 5 + 3 * MOST_FIELDS;

/** Values that are stepped over between two yields. */
const VALUES_PER_STEP = 1024;

/** Whether a value that begins with this byte is a map. */
const isMap = (type: number): boolean => (type >= 0x80 && type < 0x90) || type === 0xde || type === 0xdf;

const broken = (problem: string) => malformed(`the message is not valid MessagePack: ${problem}`);

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
  runAtOnce(readMsgpackSteps(payload, payload.length, true, true));

/** Reads the same in steps: the caller may do other work after each `yield`, between two items of the outermost list. */
export function* readMsgpackSteps(
  message: Uint8Array,
  maxEntries: number,
  isStored = false,
  isPayload = false,
): Generator<void, unknown> {
  const mostDepth = isPayload ? MOST_VALUE_DEPTH : MOST_DEPTH;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const most = maxValuesOf(maxEntries);
  let values = 0;
  /** Maximum of `values` at the end of the current item. */
  let mostOfItem = most;
  let at = 0;

  /** Consumes bytes. @returns their start */
  function take(size: number): number {
    if (size > message.length - at) throw broken("it ends inside a value");
    at += size;
    return at - size;
  }

  const uint8 = () => view.getUint8(take(1));
  const uint16 = () => view.getUint16(take(2));
  const uint32 = () => view.getUint32(take(4));
  const whole = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

  function bin(length: number): Uint8Array {
    const start = take(length);
    return message.subarray(start, start + length);
  }

  function str(length: number): string | Uint8Array {
    const bytes = bin(length);
    // Long text is a payload or a field, whose bytes are used unchanged.
    return length > LONG_TEXT_BYTES && !isPayload ? bytes : (textOf(bytes) ?? bytes);
  }

  function checkDepth(depth: number): void {
    if (depth > mostDepth) throw broken(`it nests deeper than ${mostDepth} levels`);
  }

  function list(length: number, depth: number): unknown[] {
    checkDepth(depth);
    const items: unknown[] = [];
    while (items.length < length) items.push(value(depth + 1));
    return items;
  }

  function map(length: number, depth: number): unknown {
    checkDepth(depth);
    // Checks the number of fields before reading them.
    if (!isStored && depth === MOST_DEPTH) checkFieldCount(length);
    const members = new Map<string, unknown>();
    while (members.size < length) {
      const read = value(depth + 1);
      const given = read instanceof Uint8Array ? textOf(read) : read;
      const name = isPayload ? String(given) : given;
      if (typeof name !== "string") throw broken(`a field name must be a string, got ${preview(read)}`);
      if (members.has(name)) throw broken(`duplicate field ${preview(name)}`);
      members.set(name, value(depth + 1));
    }
    return isPayload ? Object.fromEntries(members) : members;
  }

  function tooMany(): GatewayError {
    return values > most ? tooManyValues(most, "the message") : tooManyValues(MOST_ITEM_VALUES, "an entry");
  }

  function value(depth: number): unknown {
    if (++values > mostOfItem) throw tooMany();
    const type = uint8();
    if (type < 0x80) return type;
    if (type < 0x90) return map(type & 0x0f, depth);
    if (type < 0xa0) return list(type & 0x0f, depth);
    if (type < 0xc0) return str(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return bin(uint8());
      case 0xc5:
        return bin(uint16());
      case 0xc6:
        return bin(uint32());
      case 0xca:
        return view.getFloat32(take(4));
      case 0xcb:
        return view.getFloat64(take(8));
      case 0xcc:
        return uint8();
      case 0xcd:
        return uint16();
      case 0xce:
        return uint32();
      case 0xcf:
        return whole(view.getBigUint64(take(8)));
      case 0xd0:
        return view.getInt8(take(1));
      case 0xd1:
        return view.getInt16(take(2));
      case 0xd2:
        return view.getInt32(take(4));
      case 0xd3:
        return whole(view.getBigInt64(take(8)));
      case 0xd9:
        return str(uint8());
      case 0xda:
        return str(uint16());
      case 0xdb:
        return str(uint32());
      case 0xdc:
        return list(uint16(), depth);
      case 0xdd:
        return list(uint32(), depth);
      case 0xde:
        return map(uint16(), depth);
      case 0xdf:
        return map(uint32(), depth);
      case 0xc1:
        throw broken("0xc1 is not a type");
      default:
        if (isPayload) return extension(type);
        throw broken("extension types are not supported");
    }
  }

  /** Reads an extension: its length, unless the first byte implies it, its type, and its bytes. */
  function extension(type: number): Uint8Array {
    const length =
      type >= 0xd4 ? 2 ** (type - 0xd4) : type === 0xc7 ? uint8() : type === 0xc8 ? uint16() : uint32();
    take(1);
    return bin(length);
  }

  function* outermost(): Generator<void, unknown> {
    if (isPayload) return value(1);
    const length = listLength();
    if (length === undefined) {
      if (isStored || !isMap(message[at] ?? 0)) return value(1);
      // A map is not a batch: only its syntax is checked.
      yield* skipValue();
      return new Map();
    }
    values++;
    const items: unknown[] = [];
    while (items.length < length) {
      mostOfItem = isStored ? most : Math.min(most, values + MOST_ITEM_VALUES);
      items.push(value(2));
      yield;
    }
    return items;
  }

  /** Skips a value of any type and depth. */
  function* skipValue(): Generator<void, void> {
    // The values are not stored, so their number is not limited.
    mostOfItem = Number.POSITIVE_INFINITY;
    for (let missing = 1, steps = 0; missing > 0; missing--) {
      missing += skipHead();
      // Each value takes at least one byte.
      if (missing - 1 > message.length - at) throw broken("it ends inside a value");
      if (++steps % VALUES_PER_STEP === 0) yield;
    }
  }

  /** Skips a value, or the head of a list or map. @returns the number of its values */
  function skipHead(): number {
    const type = message[at] ?? 0;
    if (isMap(type)) {
      const head = uint8();
      return 2 * (head < 0x90 ? head & 0x0f : head === 0xde ? uint16() : uint32());
    }
    const length = listLength();
    if (length !== undefined) return length;
    value(1);
    return 0;
  }

  /** Skips the head of a list. @returns its length; undefined, without skipping, if the value is not a list */
  function listLength(): number | undefined {
    const type = message[at] ?? 0;
    if (type >= 0x90 && type < 0xa0) return uint8() & 0x0f;
    if (type === 0xdc) return uint8() && uint16();
    return type === 0xdd ? uint8() && uint32() : undefined;
  }

  const read = yield* outermost();
  if (at < message.length) throw broken(`${message.length - at} bytes follow the value`);
  return read;
}
