/** Control frames (RFC 6455, section 5.5): encodes those that the gateway sends, and checks those that clients send. */
import { isUtf8 } from "node:buffer";
import { PROTOCOL_CLOSE, ProtocolError, violation } from "./protocol-error.ts";

/** A ping without a payload. */
export const PING = Buffer.from([0x89, 0]);
/** First byte of a pong. */
export const PONG_OPCODE = 0x8a;
const CLOSE_OPCODE = 0x88;

/** Encodes a control frame. @param payload at most 125 bytes */
export function controlFrame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([opcode, payload.length]), payload]);
}

/** Encodes a close frame. @param code 1005 stands for none */
export function closeFrame(code: number, reason: string): Buffer {
  if (code === 1005) return controlFrame(CLOSE_OPCODE, new Uint8Array(0));
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return controlFrame(CLOSE_OPCODE, payload);
}

/** Whether a code is valid in a close frame (RFC 6455, section 7.4.2, and the IANA registry of close codes). */
const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
  (code >= 3000 && code <= 4999);

/** Reads a close frame of a client. @returns its code; 1005 if it has none @throws ProtocolError */
export function readClose(payload: Buffer): number {
  if (payload.length === 0) return 1005;
  const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
  if (!isCloseCode(code)) throw violation(`invalid close code ${code}`);
  if (!isUtf8(payload.subarray(2)))
    throw new ProtocolError(PROTOCOL_CLOSE.notUtf8, "BAD_PAYLOAD: the reason of a close frame is not UTF-8");
  return code;
}
