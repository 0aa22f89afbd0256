/**
 * Acknowledgements of pushed batches: a JSON list with an entry id, or `{"error", "code"}` for each rejected entry
 * (docs/protocol.md, "WebSocket push").
 */
import { readStatus, type StatusNotice } from "../../src/wire/notices/status-notice.ts";
import { badMessage, finalError, readErrorBody } from "../errors.ts";

/** Outcome of one entry. */
export type Acknowledged = { readonly id: string | undefined } | { readonly error: unknown };

/**
 * Reads a status message: Redis became unavailable or available again.
 *
 * @returns undefined if the message is an acknowledgement
 * @throws StreamerError BAD_MESSAGE
 */
export function readPushStatus(message: Uint8Array | string): StatusNotice | undefined {
  // An acknowledgement is a list, so it is recognized without parsing it twice.
  if (typeof message !== "string" || !message.startsWith("{")) return undefined;
  const { status }: { readonly status?: Readonly<Record<string, unknown>> } = parsed(message);
  const notice = status && readStatus((field) => status[field]);
  if (notice === undefined) throw badMessage("an object that is not a status message");
  return notice;
}

function parsed(message: string) {
  try {
    return JSON.parse(message);
  } catch (error) {
    throw badMessage("an acknowledgement that is not JSON", error);
  }
}

/** Reads an acknowledgement. @throws StreamerError BAD_MESSAGE */
export function readAck(message: Uint8Array | string): readonly Acknowledged[] {
  if (typeof message !== "string") throw badMessage("a binary message instead of an acknowledgement");
  const outcomes: unknown = parsed(message);
  if (!Array.isArray(outcomes)) throw badMessage("an acknowledgement that is not a list");
  return outcomes.map(readOutcome);
}

function readOutcome(value: unknown): Acknowledged {
  if (typeof value === "string") return { id: value };
  const { code = "REFUSED", message } = readErrorBody(value);
  if (message === "") throw badMessage("an acknowledgement with neither an id nor an error");
  return { error: finalError(code, message) };
}
