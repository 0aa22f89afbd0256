/** WebSocket frames as clients send them (RFC 6455, section 5.2), including invalid ones. */

/** Parts of a frame. */
export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  readonly isFinal?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  /** Masking key of four bytes; undefined for an unmasked frame. */
  readonly mask?: Uint8Array | undefined;
  /** Announced length, if it differs from the payload's. */
  readonly announced?: bigint;
}

/** Opcodes. */
export const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10] as const;

const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** Encodes a frame. */
export function clientFrame(frame: ClientFrame): Buffer {
  const { opcode, payload = new Uint8Array(0), isFinal = true, reserved = 0 } = frame;
  const mask = "mask" in frame ? frame.mask : MASK;
  const length = frame.announced ?? BigInt(payload.length);
  const head = Buffer.alloc(10);
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const masked = mask === undefined ? 0 : 0x80;
  let end = 2;
  if (length < 126n) head[1] = masked | Number(length);
  else if (length < 65536n) {
    head[1] = masked | 126;
    end = head.writeUInt16BE(Number(length), 2);
  } else {
    head[1] = masked | 127;
    end = head.writeBigUInt64BE(length, 2);
  }
  const bytes = Buffer.from(payload);
  if (mask !== undefined)
    for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return Buffer.concat([head.subarray(0, end), mask ?? new Uint8Array(0), bytes]);
}

/** Encodes a close frame. @param code undefined for an empty one */
export function clientClose(code?: number, reason = ""): Buffer {
  const payload = Buffer.alloc(code === undefined ? 0 : 2 + Buffer.byteLength(reason));
  if (code !== undefined) {
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
  }
  return clientFrame({ opcode: CLOSE, payload });
}
