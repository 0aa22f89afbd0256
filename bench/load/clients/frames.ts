/**
 * Minimal WebSocket framing (RFC 6455, section 5.2). A WebSocket library in the load generator would use processor time
 * that the measured side needs. Clients mask with one fixed key, so frames are created once and sent many times. The
 * server's cost of unmasking does not depend on the key.
 */

export const TEXT = 1;
export const BINARY = 2;
export const PING = 9;
export const PONG = 10;

const FIN = 0x80;
const MASKED = 0x80;

/** Mask as a little-endian 32-bit integer and as wire bytes. It is not zero, because servers have a fast path for zero. */
export const MASK = 0x5a17c3e9;
const MASK_BYTES = [MASK & 0xff, (MASK >>> 8) & 0xff, (MASK >>> 16) & 0xff, MASK >>> 24] as const;

/** Length of the longest header of a client's frame. */
export const LONGEST_CLIENT_HEADER_BYTES = 14;

/** Bytes before a client's payload: two, the extended length, the mask. */
export function clientHeaderBytes(payloadBytes: number): number {
  return 6 + (payloadBytes < 126 ? 0 : payloadBytes < 2 ** 16 ? 2 : 8);
}

/** Returns the length of a client's frame. */
export function clientFrameBytes(payloadBytes: number): number {
  return clientHeaderBytes(payloadBytes) + payloadBytes;
}

/** Returns the mask of the four bytes at an offset in a payload, as a little-endian 32-bit integer. */
export function maskAt(offset: number): number {
  const bits = (offset & 3) * 8;
  return bits === 0 ? MASK : (MASK >>> bits) | (MASK << (32 - bits));
}

/** Writes the header of a masked, unfragmented frame. @returns the offset after it, where the payload starts */
export function writeClientHeader(into: Buffer, at: number, opcode: number, payloadBytes: number): number {
  const start = at + clientHeaderBytes(payloadBytes);
  into[at] = FIN | opcode;
  if (payloadBytes < 126) into[at + 1] = MASKED | payloadBytes;
  else if (payloadBytes < 2 ** 16) {
    into[at + 1] = MASKED | 126;
    into.writeUInt16BE(payloadBytes, at + 2);
  } else {
    into[at + 1] = MASKED | 127;
    into.writeBigUInt64BE(BigInt(payloadBytes), at + 2);
  }
  into.writeUInt32LE(MASK, start - 4);
  return start;
}

/** Writes one masked, unfragmented frame. @returns the offset after it */
export function writeClientFrame(into: Buffer, at: number, opcode: number, payload: Uint8Array): number {
  const start = writeClientHeader(into, at, opcode, payload.length);
  for (let i = 0; i < payload.length; i++) into[start + i] = (payload[i] ?? 0) ^ (MASK_BYTES[i & 3] ?? 0);
  return start + payload.length;
}

/**
 * Receives one frame after the other. `head` is the offset of its payload in `bytes`; only the first `HEAD_BYTES` of the
 * payload (or all, if it is shorter) are guaranteed to be there.
 */
export type TakeFrame = (opcode: number, payloadBytes: number, bytes: Buffer, head: number) => void;

/** Number of payload bytes that a `TakeFrame` may read. */
export const HEAD_BYTES = 16;
const LONGEST_HEADER_BYTES = 10;

/** Parses received bytes, `bytes[from..to)`, with chunk boundaries at any offset. */
export type Splitter = (bytes: Buffer, from: number, to: number) => void;

/**
 * Splits a server's output into frames. It parses the header of each frame and skips its payload.
 * Throws for masked, fragmented or compressed frames, which the measured servers never send.
 */
export function createSplitter(take: TakeFrame): Splitter {
  /** Payload bytes still to be skipped. */
  let rest = 0;
  /** Start of a frame whose header was split by a chunk boundary. */
  const carry = Buffer.alloc(LONGEST_HEADER_BYTES + HEAD_BYTES);
  let carried = 0;

  /** Parses the frame that starts at `at`. @returns the offset after its header */
  const frame = (bytes: Buffer, at: number): number => {
    const first = bytes[at] ?? 0;
    if ((first & 0xf0) !== FIN)
      throw new Error(`unsupported fragmented or extended frame: ${first.toString(16)}`);
    const short = bytes[at + 1] ?? 0;
    let head = at + 2;
    let length = short;
    if (short === 126) {
      length = bytes.readUInt16BE(head);
      head += 2;
    } else if (short === 127) {
      length = bytes.readUInt32BE(head) * 2 ** 32 + bytes.readUInt32BE(head + 4);
      head += 8;
    } else if (short > 127) throw new Error("unexpected masked frame from a server");
    rest = length;
    take(first & 0x0f, length, bytes, head);
    return head;
  };

  return (bytes, from, to) => {
    let at = from;
    while (carried > 0) {
      const wanted = headEnd(carry, carried);
      if (carried === wanted) {
        const header = frame(carry, 0);
        rest -= carried - header;
        carried = 0;
      } else if (at === to) return;
      else carry[carried++] = bytes[at++] ?? 0;
    }
    for (;;) {
      const step = Math.min(rest, to - at);
      at += step;
      rest -= step;
      if (at === to) return;
      const left = to - at;
      if (left < LONGEST_HEADER_BYTES + HEAD_BYTES && left < headEnd(bytes.subarray(at, to), left)) {
        bytes.copy(carry, 0, at, to);
        carried = left;
        return;
      }
      at = frame(bytes, at);
    }
  };
}

/** Returns the end of the readable start of a frame's payload, based on the first `have` bytes. More bytes may extend it. */
function headEnd(bytes: Uint8Array, have: number): number {
  if (have < 2) return 2;
  const short = bytes[1] ?? 0;
  if (short < 126) return 2 + Math.min(short, HEAD_BYTES);
  return (short === 126 ? 4 : 10) + HEAD_BYTES;
}
