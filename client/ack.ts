/** Acknowledgements of pushed batches: a JSON list of entry ids, with `{"error"}` for what Redis refused (wire.md, "WebSocket push"). */
import { readStatus, type StatusNotice } from "../src/wire/status.ts";
import { badMessage, readTold, StreamerError } from "./errors.ts";

/** What became of one entry. */
export type Acknowledged = { readonly id: string | undefined } | { readonly error: unknown };

/** Reads the notice that Redis does not answer, or answers again; undefined of an acknowledgement. @throws StreamerError BAD_MESSAGE */
export function readPushStatus(message: Uint8Array | string): StatusNotice | undefined {
  // An acknowledgement is a list: it is not parsed twice for this.
  if (typeof message !== "string" || !message.startsWith("{")) return undefined;
  const { status }: { readonly status?: Readonly<Record<string, unknown>> } = parsed(message);
  const notice = status && readStatus((field) => status[field]);
  if (notice === undefined) throw badMessage("an object that is no status");
  return notice;
}

function parsed(message: string) {
  try {
    return JSON.parse(message);
  } catch (error) {
    throw badMessage("an acknowledgement that is no JSON", error);
  }
}

/** Reads an acknowledgement. @throws StreamerError BAD_MESSAGE */
export function readAck(message: Uint8Array | string): readonly Acknowledged[] {
  if (typeof message !== "string") throw badMessage("a binary message for an acknowledgement");
  const outcomes: unknown = parsed(message);
  if (!Array.isArray(outcomes)) throw badMessage("an acknowledgement that is no list");
  return outcomes.map(readOutcome);
}

function readOutcome(value: unknown): Acknowledged {
  if (typeof value === "string") return { id: value };
  const { code = "REFUSED", message } = readTold(value);
  if (message === "") throw badMessage("an acknowledgement with neither an id nor an error");
  return { error: new StreamerError(code, message, { retryable: false }) };
}
