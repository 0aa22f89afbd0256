/**
 * The payloads of a server's WebSocket frames as one stream of bytes, for protocols whose messages do not align with
 * frames. Throws for masked and compressed frames, which the measured servers never send.
 */
const OPCODE = 0x0f;
const RESERVED = 0x70;
const CLOSE = 8;
const LONGEST_HEADER_BYTES = 10;

/** Receives bytes, `bytes[from..to)`; they are valid until it returns. */
export type TakeBytes = (bytes: Buffer, from: number, to: number) => void;

/** @returns a function that receives the bytes of the socket, with chunk boundaries at any offset */
export function createPayloadStream(take: TakeBytes): TakeBytes {
  /** Payload bytes of the current frame that have not arrived. */
  let rest = 0;
  /** Start of a header that was split by a chunk boundary. */
  const carry = Buffer.alloc(LONGEST_HEADER_BYTES);
  let carried = 0;
  return (bytes, from, to) => {
    let at = from;
    while (at < to) {
      if (rest > 0) {
        const end = Math.min(to, at + rest);
        take(bytes, at, end);
        rest -= end - at;
        at = end;
        continue;
      }
      carry[carried++] = bytes[at++] ?? 0;
      if (carried < headerBytes(carry, carried)) continue;
      rest = payloadBytes(carry);
      carried = 0;
    }
  };
}

/** Returns the length of a header, based on its first `have` bytes. */
function headerBytes(header: Uint8Array, have: number): number {
  if (have < 2) return 2;
  const short = header[1] ?? 0;
  return short === 126 ? 4 : short === 127 ? 10 : 2;
}

/** Returns the length of the payload after a complete header. */
function payloadBytes(header: Buffer): number {
  const [first = 0, short = 0] = header;
  if ((first & RESERVED) !== 0) throw new Error(`unsupported extended frame: ${first.toString(16)}`);
  if ((first & OPCODE) === CLOSE) throw new Error("the server closed the WebSocket");
  if (short > 127) throw new Error("unexpected masked frame from a server");
  if (short < 126) return short;
  return short === 126 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
}
