/**
 * Parser for the frames of a WebSocket client (RFC 6455, section 5.2). Frames may span the chunks of the socket.
 *
 *     | FIN RSV1-3 opcode | MASK length: 7 bits | 126: 16 bits, 127: 64 bits | masking key: 4 bytes | payload |
 *
 * Small messages are unmasked in place, in the chunk. Large ones are unmasked into pool buffers, which grow with the
 * received bytes and not with the announced length.
 */
import { isUtf8 } from "node:buffer";
import type { PayloadPool } from "./buffer-pool.ts";
import { unmaskInPlace, unmaskInto } from "./masking.ts";

/** Handlers of messages and control frames. */
export interface FrameHandlers {
  /** @param memory pool buffer of the message, which the handler returns to the pool; undefined if it lies in the chunk */
  onMessage(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** @param code close code; 1005 if the frame has none */
  onClose(code: number): void;
}

/** Options of a frame reader. */
export interface FrameReaderOptions {
  readonly maxMessageBytes: number;
  readonly pool: PayloadPool;
  /**
   * Reports the received bytes of the message that is being assembled, and its size at the end of the current frame; 0 when
   * the message has been handled.
   */
  readonly onHeld?: (bytes: number, announced: number) => void;
}

/** Close codes for a client that violates the protocol (RFC 6455, section 7.4.1). */
export const PROTOCOL_CLOSE = { violation: 1002, notUtf8: 1007, tooLarge: 1009 } as const;

/** Protocol violation by a client. The connection must be closed. */
export class ProtocolError extends Error {
  /** Close code (RFC 6455, section 7.4.1). */
  readonly closeCode: number;
  constructor(closeCode: number, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** Parser of one connection. */
export interface FrameReader {
  /** Parses a chunk. @returns whether its memory can be released, since no message lies in it @throws ProtocolError */
  feed(chunk: Buffer): boolean;
  /** Whether a message is partly received, and was already partly received at the previous call. */
  isMidMessage(): boolean;
  /** Frees the message that is being assembled, and skips all further ones. Control frames are still handled. */
  discardMessages(): void;
}

const CONTINUATION = 0;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MOST_CONTROL_BYTES = 125;
/** Payloads of at least this size (bytes) are copied into pool buffers, so that they do not retain their chunk. */
const OWN_MEMORY_FROM_BYTES = 16 * 1024;
/** Maximum initial buffer size (bytes) of a frame. Clients can announce any length at no cost. */
const FIRST_MEMORY_BYTES = 1024 * 1024;
const MOST_HEAD_BYTES = 14;
const NO_BYTES = Buffer.alloc(0);

const violation = (problem: string): ProtocolError =>
  new ProtocolError(PROTOCOL_CLOSE.violation, `PROTOCOL_ERROR: ${problem}`);

/** Whether a code is valid in a close frame (RFC 6455, section 7.4.2, and the IANA registry of close codes). */
const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
  (code >= 3000 && code <= 4999);

/** Creates the parser of one connection. */
export function createFrameReader(
  { maxMessageBytes, pool, onHeld }: FrameReaderOptions,
  handlers: FrameHandlers,
): FrameReader {
  /** First bytes of a frame head that spans chunks. */
  let partial: Buffer = NO_BYTES;
  let isFinal = true;
  let opcode = CONTINUATION;
  let length = 0;
  const mask = Buffer.allocUnsafeSlow(4);
  /** Buffer of the current payload and the number of received bytes; undefined between payloads. */
  let memory: Buffer | undefined;
  let filled = 0;
  /** Opcode of the current message, and its previous fragments, concatenated in a pool buffer. */
  let kind = CONTINUATION;
  let gathered: Buffer | undefined;
  let gatheredBytes = 0;
  /** Number of complete messages, and its value at the previous call of `isMidMessage`. */
  let messages = 0;
  let messagesSeen = -1;
  /** Whether the current message was reported to `onHeld`. */
  let isHeld = false;
  /** Whether a delivered message lies in the memory of the current chunk. */
  let isChunkUsed = false;
  /** Whether messages are skipped, and the number of bytes of the current frame that are still to be skipped. */
  let isDiscarding = false;
  let skipping = 0;

  /** Parses a frame head at `at`. @returns the offset of its payload; 0 if the head is incomplete */
  function readHead(bytes: Buffer, at: number): number {
    const first = bytes[at];
    const second = bytes[at + 1];
    if (first === undefined || second === undefined) return 0;
    const short = second & 0x7f;
    const maskAt = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
    checkHead(first, second);
    if (bytes.length < maskAt + 4) return 0;
    if (short < 126) length = short;
    else if (short === 126) length = bytes.readUInt16BE(at + 2);
    else length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    isFinal = (first & 0x80) !== 0;
    opcode = first & 0x0f;
    checkFrame();
    for (let i = 0; i < 4; i++) mask[i] = bytes[maskAt + i] ?? 0;
    return maskAt + 4;
  }

  function checkHead(first: number, second: number): void {
    if ((first & 0x70) !== 0) throw violation("a reserved bit is set without a negotiated extension");
    if ((second & 0x80) === 0) throw violation("a frame is not masked");
  }

  function checkFrame(): void {
    if (opcode >= CLOSE) {
      if (opcode > PONG) throw violation(`the opcode ${opcode} is unknown`);
      if (!isFinal) throw violation("a control frame is fragmented");
      if (length > MOST_CONTROL_BYTES)
        throw violation(`a control frame must have at most ${MOST_CONTROL_BYTES} bytes, got ${length}`);
      return;
    }
    if (opcode > BINARY) throw violation(`the opcode ${opcode} is unknown`);
    if (opcode === CONTINUATION && kind === CONTINUATION)
      throw violation("a continuation frame without a fragmented message");
    if (opcode !== CONTINUATION && kind !== CONTINUATION)
      throw violation("a new message begins before the fragmented message has ended");
    if (gatheredBytes + length > maxMessageBytes)
      throw new ProtocolError(
        PROTOCOL_CLOSE.tooLarge,
        `TOO_LARGE: a message must have at most ${maxMessageBytes} bytes`,
      );
  }

  /** Copies a part of the payload. @returns the offset after it */
  function fill(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + length - filled);
    const first = memory ?? pool.take(Math.min(length, FIRST_MEMORY_BYTES));
    const target = withRoom(first, filled, filled + end - at, length);
    unmaskInto(chunk.subarray(at, end), rotated(mask, filled), target, filled);
    filled += end - at;
    memory = target;
    hold(gatheredBytes + filled, gatheredBytes + length);
    if (filled === length) {
      memory = undefined;
      endFrame(target.subarray(0, length), target);
    }
    return end;
  }

  function hold(bytes: number, announced: number): void {
    isHeld = bytes > 0;
    onHeld?.(bytes, announced);
  }

  function endFrame(payload: Buffer, own: Buffer | undefined): void {
    filled = 0;
    if (opcode >= CLOSE) {
      control(payload);
      if (own !== undefined) pool.give(own);
      return;
    }
    if (opcode !== CONTINUATION) kind = opcode;
    const isBinary = kind === BINARY;
    if (isFinal) kind = CONTINUATION;
    if (isFinal && gathered === undefined) {
      isChunkUsed ||= own === undefined;
      endMessage(payload, isBinary, own);
      return;
    }
    if (payload.length > 0) gather(payload, own);
    if (!isFinal || gathered === undefined) return;
    const whole = gathered;
    const bytes = gatheredBytes;
    gathered = undefined;
    gatheredBytes = 0;
    endMessage(whole.subarray(0, bytes), isBinary, whole);
  }

  /** Appends a fragment to the previous ones. Separate buffers for tiny fragments would take many times their size. */
  function gather(payload: Buffer, own: Buffer | undefined): void {
    if (gathered === undefined && own !== undefined) {
      gathered = own;
      gatheredBytes = payload.length;
      return;
    }
    const bytes = gatheredBytes + payload.length;
    gathered =
      gathered === undefined ? pool.take(bytes) : withRoom(gathered, gatheredBytes, bytes, maxMessageBytes);
    payload.copy(gathered, gatheredBytes);
    gatheredBytes += payload.length;
    hold(gatheredBytes, gatheredBytes);
    if (own !== undefined) pool.give(own);
  }

  /** Returns a buffer with room for `bytes`: `target`, or a larger copy. The size doubles, up to `most`. */
  function withRoom(target: Buffer, used: number, bytes: number, most: number): Buffer {
    if (target.length >= bytes) return target;
    const larger = pool.take(Math.max(bytes, Math.min(target.length * 2, most)));
    target.copy(larger, 0, 0, used);
    pool.give(target);
    return larger;
  }

  /** Skips the rest of the current data frame. */
  function skipFrame(bytes: number): void {
    skipping = bytes;
    if (opcode !== CONTINUATION) kind = opcode;
    if (isFinal) kind = CONTINUATION;
  }

  function discardMessages(): void {
    isDiscarding = true;
    if (memory !== undefined && opcode < CLOSE) {
      pool.give(memory);
      memory = undefined;
      skipFrame(length - filled);
      filled = 0;
    }
    if (gathered !== undefined) pool.give(gathered);
    gathered = undefined;
    gatheredBytes = 0;
    if (isHeld) hold(0, 0);
  }

  function endMessage(bytes: Buffer, isBinary: boolean, own: Buffer | undefined): void {
    messages++;
    if (!isBinary && !isUtf8(bytes))
      throw new ProtocolError(PROTOCOL_CLOSE.notUtf8, "BAD_PAYLOAD: a text message is not UTF-8");
    handlers.onMessage(bytes, isBinary, own);
    if (isHeld) hold(0, 0);
  }

  function control(payload: Buffer): void {
    if (opcode === PING) handlers.onPing(payload);
    else if (opcode === PONG) handlers.onPong(payload);
    else if (payload.length === 0) handlers.onClose(1005);
    else {
      const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
      if (!isCloseCode(code)) throw violation(`invalid close code ${code}`);
      if (!isUtf8(payload.subarray(2)))
        throw new ProtocolError(
          PROTOCOL_CLOSE.notUtf8,
          "BAD_PAYLOAD: the reason of a close frame is not UTF-8",
        );
      handlers.onClose(code);
    }
  }

  return {
    discardMessages,
    isMidMessage() {
      const isSame = messages === messagesSeen;
      messagesSeen = messages;
      return isSame && (memory !== undefined || kind !== CONTINUATION);
    },
    feed(incoming) {
      let chunk = incoming;
      let at = 0;
      isChunkUsed = false;
      if (partial.length > 0) {
        chunk = Buffer.concat([partial, incoming]);
        partial = NO_BYTES;
      }
      while (at < chunk.length) {
        if (skipping > 0) {
          const skipped = Math.min(skipping, chunk.length - at);
          skipping -= skipped;
          at += skipped;
          continue;
        }
        if (memory !== undefined) {
          at = fill(chunk, at);
          continue;
        }
        const start = readHead(chunk, at);
        if (start === 0) {
          partial = Buffer.from(chunk.subarray(at, at + MOST_HEAD_BYTES));
          break;
        }
        if (isDiscarding && opcode < CLOSE) {
          skipFrame(length);
          at = start;
          continue;
        }
        const end = start + length;
        if (length < OWN_MEMORY_FROM_BYTES && end <= chunk.length) {
          const payload = chunk.subarray(start, end);
          unmaskInPlace(payload, mask);
          at = end;
          endFrame(payload, undefined);
        } else at = fill(chunk, start);
      }
      return !isChunkUsed || chunk !== incoming;
    },
  };
}

/** Rotates a masking key for the payload from byte `by` on. */
function rotated(mask: Buffer, by: number): Buffer {
  const shift = by & 3;
  if (shift === 0) return mask;
  return Buffer.from([0, 1, 2, 3].map((i) => mask[(i + shift) & 3] ?? 0));
}
