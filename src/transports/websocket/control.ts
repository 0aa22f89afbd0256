/**
 * Messages that are for the gateway and not for a stream. With `control=1` a text message that begins with `{` is one:
 * headers and batches begin with `[`, so it cannot be taken for data. There is one so far:
 *
 *     {"token": "…"}    a fresh token, before the one that the connection came with expires
 */
import { GatewayError } from "../../domain/errors.ts";

const BRACE = 0x7b;

/** What a control message says. */
export interface Control {
  readonly token: string;
}

/**
 * Reads a control message.
 *
 * @returns undefined where the message is data
 * @throws GatewayError BAD_PAYLOAD
 */
export function readControl(message: Uint8Array, isBinary: boolean): Control | undefined {
  if (isBinary || message[0] !== BRACE) return undefined;
  const value = parse(Buffer.from(message.buffer, message.byteOffset, message.length).toString());
  if (typeof value === "object" && value !== null && "token" in value && typeof value.token === "string")
    return { token: value.token };
  throw new GatewayError("BAD_PAYLOAD", 'a control message wants to be {"token": "…"}');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
