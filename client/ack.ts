/** Acknowledgements of pushed batches: a JSON list of entry ids, with `{"error"}` for what Redis refused (wire.md, "WebSocket push"). */
import { badMessage, readTold, StreamerError } from "./errors.ts";

/** What became of one entry. */
export type Acknowledged = { readonly id: string | undefined } | { readonly error: unknown };

/** Reads an acknowledgement. @throws StreamerError BAD_MESSAGE */
export function readAck(message: Uint8Array | string): readonly Acknowledged[] {
  if (typeof message !== "string") throw badMessage("a binary message for an acknowledgement");
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch (error) {
    throw badMessage("an acknowledgement that is no JSON", error);
  }
  if (!Array.isArray(parsed)) throw badMessage("an acknowledgement that is no list");
  return parsed.map(readOutcome);
}

function readOutcome(value: unknown): Acknowledged {
  if (typeof value === "string") return { id: value };
  const { code = "REFUSED", message } = readTold(value);
  if (message === "") throw badMessage("an acknowledgement with neither an id nor an error");
  return { error: new StreamerError(code, message, { retryable: false }) };
}
