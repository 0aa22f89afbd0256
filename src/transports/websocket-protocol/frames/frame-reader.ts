/**
 * Parser for the frames of a WebSocket client (RFC 6455, section 5.2). Frames may span the chunks of the socket.
 *
 *     | FIN RSV1-3 opcode | MASK length: 7 bits | 126: 16 bits, 127: 64 bits | masking key: 4 bytes | payload |
 *
 * Small messages are unmasked in place, in the chunk. Large ones are unmasked into pool buffers, which grow with the
 * received bytes and not with the announced length.
 */
import { isUtf8 } from "node:buffer";
import { LARGE_INPUT_BYTES } from "../../../domain/scheduling/fair-turns.ts";
import type { PayloadPool } from "../memory/buffer-pool.ts";
import { readClose } from "./control-frames.ts";
import { Fragments, withRoom } from "./fragments.ts";
import { unmaskInPlace, unmaskInto } from "./masking.ts";
import { PROTOCOL_CLOSE, ProtocolError, violation } from "./protocol-error.ts";

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

const CONTINUATION = 0;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MAX_CONTROL_BYTES = 125;
/** Payloads of at least this size (bytes) are copied into pool buffers, so that they do not retain their chunk. */
const OWN_MEMORY_FROM_BYTES = 16 * 1024;
/** Maximum initial buffer size (bytes) of a frame. Clients can announce any length at no cost. */
const FIRST_MEMORY_BYTES = 1024 * 1024;
/** A buffer of this size (bytes) is enlarged to its whole frame, because each enlargement copies the bytes before it. */
const LAST_GROWTH_BYTES = 32 * 1024 * 1024;
const MAX_HEAD_BYTES = 14;
const NO_BYTES = Buffer.alloc(0);

/**
 * State of a chunk: frames are left (`more`), or all are parsed and its memory is still in use by a message (`used`) or
 * can be released (`unused`).
 */
export type Parsed = "more" | "used" | "unused";

/** Parser of one connection. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  readonly #pool: PayloadPool;
  readonly #onHeld: FrameReaderOptions["onHeld"];
  readonly #handlers: FrameHandlers;
  /** First bytes of a frame head that spans chunks. */
  #partial: Buffer = NO_BYTES;
  #isFinal = true;
  #opcode = CONTINUATION;
  #length = 0;
  readonly #mask = Buffer.allocUnsafeSlow(4);
  /** Buffer of the current payload and the number of received bytes; undefined between payloads. */
  #memory: Buffer | undefined;
  #filled = 0;
  /** Opcode of the current message, and its previous fragments. */
  #kind = CONTINUATION;
  readonly #fragments: Fragments;
  /** Number of complete messages, and its value at the previous call of `isMidMessage`. */
  #messages = 0;
  #messagesSeen = -1;
  /** Whether the current message was reported to `onHeld`. */
  #isHeld = false;
  /** Current chunk, and the offset of its next byte. */
  #chunk: Buffer = NO_BYTES;
  #at = 0;
  /** Whether a delivered message lies in the memory of the current chunk, and whether that is a copy of the received one. */
  #isChunkUsed = false;
  #isJoined = false;
  /** Whether messages are skipped, and the number of bytes of the current frame that are still to be skipped. */
  #isDiscarding = false;
  #skipping = 0;

  constructor({ maxMessageBytes, pool, onHeld }: FrameReaderOptions, handlers: FrameHandlers) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#pool = pool;
    this.#onHeld = onHeld;
    this.#handlers = handlers;
    this.#fragments = new Fragments(pool, maxMessageBytes);
  }

  /** Parses the first `max` frames of a chunk. The previous chunk must be parsed. @throws ProtocolError */
  feed(incoming: Buffer, max = Number.POSITIVE_INFINITY): Parsed {
    this.#isChunkUsed = false;
    this.#isJoined = this.#partial.length > 0;
    this.#chunk = this.#isJoined ? Buffer.concat([this.#partial, incoming]) : incoming;
    this.#at = 0;
    this.#partial = NO_BYTES;
    return this.proceed(max);
  }

  /** Parses the next `max` frames of the chunk. @throws ProtocolError */
  proceed(max = Number.POSITIVE_INFINITY): Parsed {
    const chunk = this.#chunk;
    for (let frames = 0; this.#at < chunk.length; frames++) {
      if (frames >= max) return "more";
      this.#readFrame(chunk);
    }
    this.#chunk = NO_BYTES;
    return this.#isChunkUsed && !this.#isJoined ? "used" : "unused";
  }

  /** Reads a frame, or the part of it that the chunk contains. */
  #readFrame(chunk: Buffer): void {
    if (this.#skipping > 0) {
      const skipped = Math.min(this.#skipping, chunk.length - this.#at);
      this.#skipping -= skipped;
      this.#at += skipped;
      return;
    }
    if (this.#memory !== undefined) {
      this.#at = this.#fill(chunk, this.#at);
      return;
    }
    const start = this.#readHead(chunk, this.#at);
    if (start === 0) {
      this.#partial = Buffer.from(chunk.subarray(this.#at, this.#at + MAX_HEAD_BYTES));
      this.#at = chunk.length;
      return;
    }
    if (this.#isDiscarding && this.#opcode < CLOSE) {
      this.#skipFrame(this.#length);
      this.#at = start;
      return;
    }
    const end = start + this.#length;
    if (this.#length < OWN_MEMORY_FROM_BYTES && end <= chunk.length) {
      const payload = chunk.subarray(start, end);
      unmaskInPlace(payload, this.#mask);
      // Before the frame is handled, because its handler may discard the following ones.
      this.#at = end;
      this.#endFrame(payload, undefined);
    } else this.#at = this.#fill(chunk, start);
  }

  /** Whether the next bytes belong to a payload of at least `LARGE_INPUT_BYTES` that is being received. */
  isFillingLarge(): boolean {
    return this.#memory !== undefined && this.#length >= LARGE_INPUT_BYTES;
  }

  /** Whether a message is partly received, and was already partly received at the previous call. */
  isMidMessage(): boolean {
    const isSame = this.#messages === this.#messagesSeen;
    this.#messagesSeen = this.#messages;
    return isSame && (this.#memory !== undefined || this.#kind !== CONTINUATION);
  }

  /** Frees the message that is being assembled, and skips all further ones. Control frames are still handled. */
  discardMessages(): void {
    this.#isDiscarding = true;
    if (this.#memory !== undefined && this.#opcode < CLOSE) {
      this.#pool.give(this.#memory);
      this.#memory = undefined;
      this.#skipFrame(this.#length - this.#filled);
      this.#filled = 0;
    }
    this.#fragments.discard();
    if (this.#isHeld) this.#hold(0, 0);
  }

  /** Parses a frame head at `at`. @returns the offset of its payload; 0 if the head is incomplete */
  #readHead(bytes: Buffer, at: number): number {
    const first = bytes[at];
    const second = bytes[at + 1];
    if (first === undefined || second === undefined) return 0;
    const short = second & 0x7f;
    const maskAt = at + (short === 126 ? 4 : short === 127 ? 10 : 2);
    this.#checkHead(first, second);
    if (bytes.length < maskAt + 4) return 0;
    if (short < 126) this.#length = short;
    else if (short === 126) this.#length = bytes.readUInt16BE(at + 2);
    else this.#length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    this.#checkFrame();
    for (let i = 0; i < 4; i++) this.#mask[i] = bytes[maskAt + i] ?? 0;
    return maskAt + 4;
  }

  #checkHead(first: number, second: number): void {
    if ((first & 0x70) !== 0) throw violation("a reserved bit is set without a negotiated extension");
    if ((second & 0x80) === 0) throw violation("a frame is not masked");
  }

  #checkFrame(): void {
    if (this.#opcode >= CLOSE) {
      if (this.#opcode > PONG) throw violation(`the opcode ${this.#opcode} is unknown`);
      if (!this.#isFinal) throw violation("a control frame is fragmented");
      if (this.#length > MAX_CONTROL_BYTES)
        throw violation(`a control frame must have at most ${MAX_CONTROL_BYTES} bytes, got ${this.#length}`);
      return;
    }
    if (this.#opcode > BINARY) throw violation(`the opcode ${this.#opcode} is unknown`);
    if (this.#opcode === CONTINUATION && this.#kind === CONTINUATION)
      throw violation("a continuation frame without a fragmented message");
    if (this.#opcode !== CONTINUATION && this.#kind !== CONTINUATION)
      throw violation("a new message begins before the fragmented message has ended");
    if (this.#fragments.bytes + this.#length > this.#maxMessageBytes)
      throw new ProtocolError(
        PROTOCOL_CLOSE.tooLarge,
        `TOO_LARGE: a message must have at most ${this.#maxMessageBytes} bytes`,
      );
  }

  /** Copies a part of the payload. @returns the offset after it */
  #fill(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#length - this.#filled);
    const first = this.#memory ?? this.#pool.take(Math.min(this.#length, FIRST_MEMORY_BYTES));
    const size = first.length < LAST_GROWTH_BYTES ? Math.min(first.length * 2, this.#length) : this.#length;
    const target = withRoom(this.#pool, first, this.#filled, this.#filled + end - at, size);
    unmaskInto(chunk.subarray(at, end), rotated(this.#mask, this.#filled), target, this.#filled);
    this.#filled += end - at;
    this.#memory = target;
    const { bytes } = this.#fragments;
    if (this.#opcode < CLOSE) this.#hold(bytes + this.#filled, bytes + this.#length);
    if (this.#filled === this.#length) {
      this.#memory = undefined;
      this.#endFrame(target.subarray(0, this.#length), target);
    }
    return end;
  }

  #hold(bytes: number, announced: number): void {
    this.#isHeld = bytes > 0;
    this.#onHeld?.(bytes, announced);
  }

  #endFrame(payload: Buffer, own: Buffer | undefined): void {
    this.#filled = 0;
    if (this.#opcode >= CLOSE) {
      this.#control(payload);
      if (own !== undefined) this.#pool.give(own);
      return;
    }
    if (this.#opcode !== CONTINUATION) this.#kind = this.#opcode;
    const isBinary = this.#kind === BINARY;
    if (this.#isFinal) this.#kind = CONTINUATION;
    if (this.#isFinal && this.#fragments.isEmpty) {
      this.#isChunkUsed ||= own === undefined;
      this.#endMessage(payload, isBinary, own);
      return;
    }
    if (payload.length > 0) this.#gather(payload, own);
    if (!this.#isFinal || this.#fragments.isEmpty) return;
    const { bytes, memory } = this.#fragments.take();
    this.#endMessage(bytes, isBinary, memory);
  }

  #gather(payload: Buffer, own: Buffer | undefined): void {
    if (this.#fragments.isEmpty && own !== undefined) {
      // Its memory is held already.
      this.#fragments.begin(payload, own);
      return;
    }
    this.#fragments.append(payload);
    this.#hold(this.#fragments.bytes, this.#fragments.bytes);
    if (own !== undefined) this.#pool.give(own);
  }

  /** Skips the rest of the current data frame. */
  #skipFrame(bytes: number): void {
    this.#skipping = bytes;
    if (this.#opcode !== CONTINUATION) this.#kind = this.#opcode;
    if (this.#isFinal) this.#kind = CONTINUATION;
  }

  #endMessage(bytes: Buffer, isBinary: boolean, own: Buffer | undefined): void {
    this.#messages++;
    if (!isBinary && !isUtf8(bytes))
      throw new ProtocolError(PROTOCOL_CLOSE.notUtf8, "BAD_PAYLOAD: a text message is not UTF-8");
    this.#handlers.onMessage(bytes, isBinary, own);
    if (this.#isHeld) this.#hold(0, 0);
  }

  #control(payload: Buffer): void {
    if (this.#opcode === PING) this.#handlers.onPing(payload);
    else if (this.#opcode === PONG) this.#handlers.onPong(payload);
    else this.#handlers.onClose(readClose(payload));
  }
}

/** Rotates a masking key for the payload from byte `by` on. */
function rotated(mask: Buffer, by: number): Buffer {
  const shift = by & 3;
  if (shift === 0) return mask;
  return Buffer.from([0, 1, 2, 3].map((i) => mask[(i + shift) & 3] ?? 0));
}
