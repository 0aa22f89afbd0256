/**
 * Control messages, which are addressed to the gateway instead of a stream. With `control=1`, a text message that begins
 * with `{` is a control message; headers and batches begin with `[`. There is one kind:
 *
 *     {"token": "…"}    a fresh token, sent before the connection's current token expires
 */
import { GatewayError } from "../../domain/errors.ts";
import { checkJsonBounds } from "../../wire/json/json-text.ts";

const BRACE = 0x7b;

/** Maximum size of a control message, in bytes. A token has at most 16 KB. */
export const MOST_CONTROL_BYTES = 32 * 1024;

/** A parsed control message. */
export interface Control {
  readonly token: string;
}

/**
 * Parses a control message.
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
