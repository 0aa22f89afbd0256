/**
 * MessagePack from strangers. Five bytes can claim a list of four billion, and lists in lists make that worse: 100 KB
 * of them would have a decoder that trusts lengths reserve gigabytes. Here lists and maps grow by what is really there,
 * nothing nests deeper than a batch does, and there is an end to how many values there may be.
 *
 *     [ [stream_id, entry_id, payload, {name: [value, …]}], … ]
 *     1 2                              3      4                 depth
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { checkValueCount, malformed, maxValuesOf, preview } from "./push-batch.ts";
import { textOf } from "./utf8.ts";

const MOST_DEPTH = 4;

const broken = (problem: string) => malformed(`the message is no MessagePack: ${problem}`);

/**
 * Reads the one value that a message is. Integers come as a number or, where it would lose digits, a bigint; bin as
 * a view on the message, str as text or, where it is no UTF-8, as its bytes; maps as `Map`.
 *
 * @throws GatewayError BAD_HEADER where it is none, TOO_LARGE where it holds more values than a batch can have
 */
export function readMsgpack(message: Uint8Array, mostEntries: number): unknown {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const most = maxValuesOf(mostEntries);
  let values = 0;
  let at = 0;

  /** Steps over bytes. @returns where they begin */
  function take(size: number): number {
    if (size > message.length - at) throw broken("it ends in the middle of a value");
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
    return textOf(bytes) ?? bytes;
  }

  function checkDepth(depth: number): void {
    if (depth > MOST_DEPTH) throw broken("it nests deeper than entries do");
  }

  function list(length: number, depth: number): unknown[] {
    checkDepth(depth);
    const items: unknown[] = [];
    while (items.length < length) items.push(value(depth + 1));
    return items;
  }

  function map(length: number, depth: number): Map<string, unknown> {
    checkDepth(depth);
    const members = new Map<string, unknown>();
    while (members.size < length) {
      const name = value(depth + 1);
      if (typeof name !== "string") throw broken(`a field's name is no text: ${preview(name)}`);
      if (members.has(name)) throw broken(`field ${preview(name)} is there twice`);
      members.set(name, value(depth + 1));
    }
    return members;
  }

  function value(depth: number): unknown {
    checkValueCount(++values, most, "the message");
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
        throw broken("0xc1 is no type");
      default:
        throw broken("it has an extension type, which no entry is made of");
    }
  }

  const read = value(1);
  if (at < message.length) throw broken(`${message.length - at} bytes follow its end`);
  return read;
}
