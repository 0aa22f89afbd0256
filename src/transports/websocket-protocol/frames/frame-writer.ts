/**
 * Encodes messages of a WebSocket server as unmasked frames (RFC 6455, section 5.2). Encoded frames can be sent to several
 * sockets.
 *
 *     | FIN=1 | opcode | MASK=0 | length: 7 bits, or 126 and 16 bits, or 127 and 64 bits | payload |
 */
import { JOIN_BELOW_BYTES } from "../../response/byte-sink.ts";
import type { Chunks } from "../../response/memory/chunks.ts";

const TEXT = 0x81;
const BINARY = 0x82;
/** Maximum size of a frame header, in bytes. */
export const MAX_HEADER_BYTES = 10;
/** Messages below this size (bytes) have their length in the second byte of their header. */
const SHORT_BYTES = 126;
/** In place of a length: the length follows in 16 or 64 bits. */
const LENGTH_16 = 126;
const LENGTH_64 = 127;
/** Header of a short text message without its length, as a Latin-1 character. */
const TEXT_CHARACTER = String.fromCharCode(TEXT);

/**
 * Encodes one short binary message. A playback sends most entries as a frame of their own, for which a writer would cost more
 * than the frame. @param payload shorter than `JOIN_BELOW_BYTES`
 */
export function binaryFrame(payload: Uint8Array): Chunks {
  const { length } = payload;
  const isShort = length < SHORT_BYTES;
  const head = isShort ? 2 : 4;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = BINARY;
  frame[1] = isShort ? length : LENGTH_16;
  if (!isShort) frame.writeUInt16BE(length, 2);
  frame.set(payload, head);
  return { parts: [frame], bytes: frame.length };
}

/** Encoder of messages. */
export interface FrameWriter {
  text(text: string): void;
  /** Adds a text message of ASCII characters. Short ones that follow each other are written at once. */
  ascii(text: string): void;
  /** Adds a text message, given as parts of its UTF-8. Large parts are not copied. */
  textBytes(parts: readonly Uint8Array[]): void;
  /** Adds a binary message, given as parts. Large parts are not copied. */
  binary(parts: readonly Uint8Array[]): void;
  /** Returns the encoded messages. The writer must not be used afterwards. */
  take(): Chunks;
}

/** Creates a writer. @param capacityBytes estimated size of the small parts; may be exceeded */
export function createFrameWriter(capacityBytes: number): FrameWriter {
  const done: Uint8Array[] = [];
  let total = 0;
  let block = Buffer.allocUnsafe(Math.max(64, capacityBytes));
  let from = 0;
  let at = 0;
  /** Short messages of `ascii` that are not written yet, as Latin-1. */
  let run = "";

  function endRun(): void {
    if (run === "") return;
    const bytes = run;
    run = "";
    reserve(bytes.length);
    at += block.write(bytes, at, "latin1");
  }

  function closePart(): void {
    if (at === from) return;
    done.push(block.subarray(from, at));
    total += at - from;
    from = at;
  }

  function reserve(bytes: number): void {
    if (at + bytes <= block.length) return;
    closePart();
    block = Buffer.allocUnsafe(Math.max(bytes, block.length));
    from = 0;
    at = 0;
  }

  function header(opcode: number, length: number): void {
    endRun();
    reserve(MAX_HEADER_BYTES);
    block[at++] = opcode;
    if (length < SHORT_BYTES) {
      block[at++] = length;
    } else if (length < 65536) {
      block[at++] = LENGTH_16;
      at = block.writeUInt16BE(length, at);
    } else {
      block[at++] = LENGTH_64;
      at = block.writeUInt32BE(Math.floor(length / 2 ** 32), at);
      at = block.writeUInt32BE(length % 2 ** 32, at);
    }
  }

  function message(opcode: number, parts: readonly Uint8Array[]): void {
    let length = 0;
    for (const part of parts) length += part.length;
    header(opcode, length);
    for (const part of parts) {
      if (part.length >= JOIN_BELOW_BYTES) {
        closePart();
        done.push(part);
        total += part.length;
      } else {
        reserve(part.length);
        block.set(part, at);
        at += part.length;
      }
    }
  }

  function text(message: string): void {
    const length = Buffer.byteLength(message);
    header(TEXT, length);
    reserve(length);
    at += block.write(message, at);
  }

  return {
    text,
    ascii(message) {
      if (message.length < SHORT_BYTES) run += TEXT_CHARACTER + String.fromCharCode(message.length) + message;
      else text(message);
    },
    textBytes: (parts) => message(TEXT, parts),
    binary: (parts) => message(BINARY, parts),
    take() {
      endRun();
      closePart();
      return { parts: done, bytes: total };
    },
  };
}
