/** The forms in which a payload is shown. What cannot be shown in a form is an error of that one field. */
import { isUtf8 } from "node:buffer";

import { utcFormat } from "d3-time-format";
import { type EntryId, timeOfId } from "../../../domain/entry-id.ts";
import { badParameter, GatewayError } from "../../../domain/errors.ts";
import { checkJsonBounds } from "../../../wire/json-text.ts";
import { inexactNumberOf, markNumbers } from "../execution/exact-numbers.ts";
import type { WorkBudget } from "../execution/work-budget.ts";

/** Milliseconds from 1970 to the last moment that a Date can be (ECMA-262, "Time Values and Time Range"). */
const LAST_MOMENT_MS = 8.64e15;

/** Longest format of a time, in characters. */
const MOST_FORMAT_CHARACTERS = 64;

/** The payload in base64, by Node's own encoder: the pure one of the wire is for browsers. @throws GatewayError TOO_LARGE */
export const base64Of = (data: Uint8Array, work: WorkBudget): string =>
  bufferOf(fitting(data, work)).toString("base64");

/** @throws GatewayError TOO_LARGE for a payload that is larger than a field may be */
function fitting(data: Uint8Array, { mostPayloadBytes }: WorkBudget): Uint8Array {
  if (data.length > mostPayloadBytes) throw payloadTooLarge(data.length, mostPayloadBytes);
  return data;
}

/** The error of a field whose payload is left out. */
export const payloadTooLarge = (bytes: number, most: number): GatewayError =>
  new GatewayError(
    "TOO_LARGE",
    `the payload has ${bytes} bytes; a field holds ${most} bytes and an operation MAX_ANSWER_BYTES`,
  );

const bufferOf = (data: Uint8Array): Buffer =>
  Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** The payload as text. @throws GatewayError BAD_PAYLOAD if it is not UTF-8, TOO_LARGE */
export const stringOf = (data: Uint8Array, work: WorkBudget): string => textOf(fitting(data, work));

function textOf(data: Uint8Array): string {
  if (!isUtf8(data)) throw new GatewayError("BAD_PAYLOAD", "the payload is not UTF-8");
  return bufferOf(data).toString();
}

/**
 * The payload as a JSON value.
 *
 * @throws GatewayError BAD_PAYLOAD if it is not JSON or holds a number that would be altered, TOO_LARGE if it has too many
 *   values or levels
 */
export function jsonOf(data: Uint8Array, work: WorkBudget): unknown {
  const text = stringOf(data, work);
  work.spend(checkJsonBounds(text, "the payload"));
  const number = inexactNumberOf(text);
  if (number !== undefined)
    throw new GatewayError(
      "BAD_PAYLOAD",
      `the payload holds the number ${number.slice(0, 40)}, which would be altered; read it as a string`,
    );
  return parsed(text, "the payload");
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GatewayError("BAD_PAYLOAD", `${what} is no JSON`);
  }
}

/** JSON that is written again exactly as it is stored, numbers included. @throws GatewayError BAD_PAYLOAD or TOO_LARGE */
export function storedJsonOf(data: Uint8Array, what: string, work: WorkBudget): unknown {
  const text = textOf(data);
  work.spend(checkJsonBounds(text, what));
  return parsed(markNumbers(text), what);
}

/** Metadata as they are stored. @throws GatewayError BAD_PAYLOAD if another program stored what is not JSON, TOO_LARGE */
export const metaOf = (stored: Uint8Array | undefined, work: WorkBudget): unknown =>
  stored === undefined ? {} : storedJsonOf(stored, "the metadata", work);

/**
 * The moment that an entry id names: ISO 8601 with a zone, or in a format of strftime(3).
 *
 * @throws GatewayError BAD_PARAMETER where no calendar goes so far
 */
export function timeText(id: EntryId, format: string | null | undefined): string {
  const ms = timeOfId(id);
  if (ms > LAST_MOMENT_MS) throw badParameter("time", `of entry ${id} is past the end of the calendar`);
  if (format != null && format.length > MOST_FORMAT_CHARACTERS)
    throw badParameter(
      "format",
      `must be at most ${MOST_FORMAT_CHARACTERS} characters, got ${format.length}`,
    );
  const moment = new Date(ms);
  return format ? utcFormat(format.replaceAll("%z", "+0000"))(moment) : moment.toISOString();
}
