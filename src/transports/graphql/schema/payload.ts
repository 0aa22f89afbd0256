/** Converts payloads to base64, text and JSON. A payload that cannot be converted is an error of that field only. */
import { isUtf8 } from "node:buffer";

import { utcFormat } from "d3-time-format";
import type { Declaration } from "../../../domain/content/declaration.ts";
import { asGatewayError, badParameter, GatewayError } from "../../../domain/errors.ts";
import { type EntryId, timeOfId } from "../../../domain/streams/entry-id.ts";
import { metaTooLarge } from "../../../domain/streams/metadata-size.ts";
import { type StoredValue, UnreadValue } from "../../../redis/registry/stored-values.ts";
import { checkJsonBounds } from "../../../wire/json/json-text.ts";
import { inexactNumberOf, markNumbers } from "../../request/exact-numbers.ts";
import type { PayloadBudget } from "../execution/limits/payload-budget.ts";
import type { WorkBudget } from "../execution/limits/work-budget.ts";
import { NO_META, ParsedMeta, type ParsedMetas } from "./parsed-meta.ts";

/** Greatest time that a Date can represent, in ms (ECMA-262, "Time Values and Time Range"). */
const LAST_MOMENT_MS = 8.64e15;

/** Maximum length of a time format, in characters. */
const MAX_FORMAT_CHARACTERS = 64;

/** Encodes a payload as base64 with Node's encoder; the one in `wire` is for browsers. @throws GatewayError TOO_LARGE */
export const base64Of = (data: Uint8Array, work: WorkBudget): string =>
  bufferOf(fitting(data, work)).toString("base64");

/** Returns the payload. @throws GatewayError TOO_LARGE if it exceeds the maximum size of a field */
function fitting(data: Uint8Array, { maxPayloadBytes }: WorkBudget): Uint8Array {
  if (data.length > maxPayloadBytes) throw payloadTooLarge("payload", data.length, maxPayloadBytes);
  return data;
}

/** Returns the error of a field whose payload, or the entry that contains it, is too large. */
export const payloadTooLarge = (what: "payload" | "entry", bytes: number, max: number): GatewayError =>
  new GatewayError("TOO_LARGE", `the ${what} must be at most ${max} bytes, got ${bytes}`);

const bufferOf = (data: Uint8Array): Buffer =>
  Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** Decodes a payload as text. @throws GatewayError BAD_PAYLOAD if it is not UTF-8, TOO_LARGE */
export const stringOf = (data: Uint8Array, work: WorkBudget): string => textOf(fitting(data, work));

function textOf(data: Uint8Array): string {
  if (!isUtf8(data))
    throw new GatewayError(
      "BAD_PAYLOAD",
      "the payload must be UTF-8 to be read as text or JSON; read it as base64",
    );
  return bufferOf(data).toString();
}

/**
 * Parses a payload as JSON.
 *
 * @throws GatewayError BAD_PAYLOAD if it is not JSON or contains a number that would lose digits, TOO_LARGE if it has too many
 *   values or levels
 */
export function jsonOf(data: Uint8Array, work: WorkBudget): unknown {
  const text = stringOf(data, work);
  work.spend(checkJsonBounds(text, "the payload"));
  const number = inexactNumberOf(text);
  if (number !== undefined)
    throw new GatewayError(
      "BAD_PAYLOAD",
      `the payload contains the number ${number.slice(0, 40)}, which would lose digits; read the payload as a string`,
    );
  return parsed(text, "the payload");
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GatewayError("BAD_PAYLOAD", `${what} is not valid JSON`);
  }
}

/** Parses stored JSON so that numbers are written back unchanged. @throws GatewayError BAD_PAYLOAD or TOO_LARGE */
export function storedJsonOf(data: Uint8Array, what: string, work: WorkBudget): unknown {
  const text = textOf(data);
  work.spend(checkJsonBounds(text, what));
  return parsed(markNumbers(text), what);
}

/** Stored metadata, parsed once for all fields, or the error of these fields. */
export type LoadedMeta = ParsedMeta | GatewayError;

/**
 * Parses stored metadata. The error is that another program stored invalid JSON, or too much of it.
 *
 * @param tooLarge error of metadata that the operation has no memory for
 */
export function loadedMeta(
  stored: StoredValue,
  parsedMetas: ParsedMetas,
  tooLarge: () => GatewayError,
): LoadedMeta {
  if (stored === undefined) return NO_META;
  if (stored instanceof UnreadValue)
    return stored.maxBytes === undefined
      ? tooLarge()
      : metaTooLarge("the metadata", stored.bytes, stored.maxBytes);
  const text = stored.toString();
  const known = parsedMetas.get(text);
  if (known !== undefined) return known;
  try {
    const values = checkJsonBounds(textOf(stored), "the metadata");
    const loaded = new ParsedMeta(parsed(markNumbers(text), "the metadata"), values, text.length);
    parsedMetas.add(text, loaded);
    return loaded;
  } catch (error) {
    return asGatewayError(error);
  }
}

/** Budgets of an operation that its fields of metadata use. */
export interface MetaBudgets {
  readonly work: WorkBudget;
  readonly payloads: Pick<PayloadBudget, "count">;
}

/** Returns the value of metadata, for one field. It is shared and must not be changed. @throws GatewayError */
export function metaOf(loaded: LoadedMeta, { work, payloads }: MetaBudgets): unknown {
  if (loaded instanceof GatewayError) throw loaded;
  work.spend(loaded.values);
  payloads.count(loaded.characters);
  return loaded.value;
}

/** Returns a member that metadata declares, for one field. @throws GatewayError */
export function declaredOf<Name extends keyof Declaration>(
  loaded: LoadedMeta,
  name: Name,
  { work, payloads }: MetaBudgets,
): Declaration[Name] {
  if (loaded instanceof GatewayError) throw loaded;
  const value = loaded.readDeclaration()[name];
  if (typeof value === "object") {
    work.spend(loaded.values);
    payloads.count(loaded.characters);
  }
  return value;
}

/**
 * Returns the time of an entry id in UTC, as ISO 8601 or in a format of strftime(3).
 *
 * @throws GatewayError BAD_PARAMETER if the time is outside the range of a Date
 */
export function timeText(id: EntryId, format: string | null | undefined): string {
  const ms = timeOfId(id);
  if (ms > LAST_MOMENT_MS) throw badParameter("time", `of entry ${id} is out of range`);
  if (format != null && format.length > MAX_FORMAT_CHARACTERS)
    throw badParameter("format", `must be at most ${MAX_FORMAT_CHARACTERS} characters, got ${format.length}`);
  const moment = new Date(ms);
  return format ? utcFormat(format.replaceAll("%z", "+0000"))(moment) : moment.toISOString();
}
