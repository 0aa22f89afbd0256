/**
 * Control messages, which are addressed to the gateway instead of a stream. With `control=1`, a text message that begins
 * with `{` is a control message; headers and batches begin with `[`.
 *
 *     {"token": "…"}              a fresh token, sent before the connection's current token expires
 *     {"pause": true}             commands of a playback: see `playback-command.ts`
 */
import { GatewayError } from "../../domain/errors.ts";
import { shown } from "../../domain/shown.ts";
import { checkJsonBounds } from "../../wire/json/json-text.ts";
import { COMMAND_FORMS, type PlaybackCommand, readCommand } from "./pull/playback-command.ts";

const BRACE = 0x7b;

/** Maximum size of a control message, in bytes. A token has at most 16 KB. */
export const MAX_CONTROL_BYTES = 32 * 1024;

/** A parsed control message. */
export type Control = { readonly token: string } | { readonly command: PlaybackCommand };

/**
 * Parses the control message of a push.
 *
 * @returns the token; undefined if the message is data
 * @throws GatewayError BAD_PAYLOAD, or TOO_LARGE if it is over `MAX_CONTROL_BYTES`
 */
export function readToken(message: Uint8Array, isBinary: boolean): string | undefined {
  const value = readObject(message, isBinary);
  if (value === undefined) return undefined;
  const token = tokenOf(value);
  if (token !== undefined) return token;
  throw notControl('{"token": "…"}', value);
}

/**
 * Parses the control message of a pull.
 *
 * @returns undefined if the message is data
 * @throws GatewayError BAD_PAYLOAD or BAD_PARAMETER, or TOO_LARGE if it is over `MAX_CONTROL_BYTES`
 */
export function readControl(message: Uint8Array, isBinary: boolean): Control | undefined {
  const value = readObject(message, isBinary);
  if (value === undefined) return undefined;
  const token = tokenOf(value);
  if (token !== undefined) return { token };
  const command = readCommand(value);
  if (command !== undefined) return { command };
  throw notControl(`{"token": "…"}, ${COMMAND_FORMS}`, value);
}

/** Reads a control message; null if it is not valid JSON. */
function readObject(message: Uint8Array, isBinary: boolean): unknown {
  if (isBinary || message[0] !== BRACE) return undefined;
  if (message.length > MAX_CONTROL_BYTES)
    throw new GatewayError(
      "TOO_LARGE",
      `a control message must be at most ${MAX_CONTROL_BYTES} bytes, got ${message.length}`,
    );
  return parse(Buffer.from(message.buffer, message.byteOffset, message.length).toString());
}

/** Shows the members only, because a value may be a secret. */
const notControl = (allowed: string, value: unknown): GatewayError => {
  const got = value === null ? "invalid JSON" : `the members ${shown(Object.keys(value as object))}`;
  return new GatewayError("BAD_PAYLOAD", `a control message must be ${allowed}, got ${got}`);
};

const tokenOf = (value: unknown): string | undefined =>
  typeof value === "object" && value !== null && "token" in value && typeof value.token === "string"
    ? value.token
    : undefined;

function parse(text: string): unknown {
  checkJsonBounds(text, "the control message");
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
