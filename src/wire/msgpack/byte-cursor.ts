/** Bounded position in a MessagePack message: reads fixed-size values, and never past the end. */
import { malformed } from "../push-batch.ts";

/** Creates the error of a message that is not valid. */
export const broken = (problem: string) => malformed(`the message is not valid MessagePack: ${problem}`);

/** Returns an integer as a number, or as a bigint if a number would lose digits. */
const whole = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

/** Position in a message. All methods that read throw `GatewayError` BAD_HEADER at the end of the message. */
export class ByteCursor {
  readonly #message: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(message: Uint8Array) {
    this.#message = message;
    this.#view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  }

  /** Number of bytes that are not read yet. */
  get left(): number {
    return this.#message.length - this.#at;
  }

  /** Returns the next byte without consuming it; 0 at the end. */
  peek(): number {
    return this.#message[this.#at] ?? 0;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** Returns a view of the next bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#message.subarray(start, start + length);
  }

  /** Skips these bytes if they are the next ones. @returns whether they were */
  skip(bytes: Uint8Array): boolean {
    let at = this.#at;
    // After the end, the message has undefined, which differs from every byte.
    for (const byte of bytes) if (this.#message[at++] !== byte) return false;
    this.#at = at;
    return true;
  }

  /** Reads a number. @param type its type byte, 0xca to 0xd3 */
  number(type: number): number | bigint {
    switch (type) {
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.uint8();
      case 0xcd:
        return this.uint16();
      case 0xce:
        return this.uint32();
      case 0xcf:
        return whole(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      default:
        return whole(this.#view.getBigInt64(this.#take(8)));
    }
  }

  /** Consumes bytes. @returns their start */
  #take(size: number): number {
    const start = this.#at;
    if (size > this.#message.length - start) throw broken("it ends inside a value");
    this.#at = start + size;
    return start;
  }
}
