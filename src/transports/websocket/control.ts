/**
 * Messages for the gateway itself rather than for a stream. With `control=1`, a text message that begins with `{` is
 * one: headers and batches begin with `[`, so the two cannot be confused. There is one kind so far:
 *
 *     {"token": "…"}    a fresh token, sent before the connection's current token expires
 */
import { GatewayError } from "../../domain/errors.ts";
import { checkJsonBounds } from "../../wire/json-text.ts";

const BRACE = 0x7b;

/** Largest control message, in bytes: a token has at most 16 KB, and little else is in the message. */
export const MOST_CONTROL_BYTES = 32 * 1024;

/** A parsed control message. */
export interface Control {
  readonly token: string;
}

/**
 * Reads a control message.
 *
 * @returns undefined if the message is data
 * @throws GatewayError BAD_PAYLOAD, or TOO_LARGE if it is over `MOST_CONTROL_BYTES`
 */
export function readControl(message: Uint8Array, isBinary: boolean): Control | undefined {
  if (isBinary || message[0] !== BRACE) return undefined;
  if (message.length > MOST_CONTROL_BYTES)
    throw new GatewayError(
      "TOO_LARGE",
      `a control message must be at most ${MOST_CONTROL_BYTES} bytes, got ${message.length}`,
    );
  const value = parse(Buffer.from(message.buffer, message.byteOffset, message.length).toString());
  if (typeof value === "object" && value !== null && "token" in value && typeof value.token === "string")
    return { token: value.token };
  throw new GatewayError("BAD_PAYLOAD", 'a control message must be {"token": "…"}');
}

function parse(text: string): unknown {
  checkJsonBounds(text, "the control message");
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
