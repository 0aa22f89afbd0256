/** WebSocket frames as hostile clients send them: any opcode, any flags, any claimed length. */

const MASKED = 0x80;
const LARGEST_SHORT = 125;
const LARGEST_16_BIT = 0xffff;

/** Header fields of a frame. Each one defaults to the value of a valid frame. */
export interface FrameOptions {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** Reserved bits, 0 to 7. */
  readonly reserved?: number;
  /** Length in the header, if it differs from the length of the payload. */
  readonly claims?: number;
  readonly masked?: boolean;
}

/** Encodes a frame. The mask is zero, so the payload needs no masking. */
export function frame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = 2, fin = true, reserved = 0, masked = true } = options;
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const length = options.claims ?? body.length;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const bit = masked ? MASKED : 0;
  let head: Buffer;
  if (length <= LARGEST_SHORT) head = Buffer.from([first, bit | length]);
  else if (length <= LARGEST_16_BIT) {
    head = Buffer.from([first, bit | 126, 0, 0]);
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = bit | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/** A text frame. */
export const text = (payload: string | Buffer): Buffer => frame(payload, { opcode: 1 });
