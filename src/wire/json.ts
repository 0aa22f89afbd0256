/**
 * The clean format as JSON: `[[stream_id, entry_id, payload], …]`, with an entry's further fields, where it has any, as
 * a fourth element (wire.md, "The clean format"). Bytes are a string where they are UTF-8, else `{"base64": "…"}`.
 */
import type { Entry, EntryFields, FieldValue, Gap, StreamEntries } from "../domain/entry.ts";
import { GatewayError } from "../domain/errors.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { parseJson } from "./json-text.ts";
import {
  checkBatchSize,
  malformed,
  type PushedEntry,
  preview,
  requestedIdOf,
  streamIdOf,
} from "./push-batch.ts";
import { statusOf } from "./status.ts";
import { bytesOfText, textOf } from "./utf8.ts";

/** Encodes entries as one JSON text. */
export function encodeJson(streams: readonly StreamEntries[]): string {
  const items: string[] = [];
  for (const { stream, entries } of streams) {
    const name = JSON.stringify(stream);
    for (const entry of entries) items.push(itemOf(name, entry));
  }
  return `[${items.join(",")}]`;
}

/** Encodes one entry, one line. */
export const encodeJsonEntry = (stream: string, entry: Entry): string =>
  itemOf(JSON.stringify(stream), entry);

/** A gap, in a shape that no list of entries has: `{"gap": {"stream_id": …, "after": …, "before": …}}`. */
export const gapOf = ({ stream, after, before }: Gap) => ({ gap: { stream_id: stream, after, before } });

/** Encodes a gap as one JSON text. */
export const encodeJsonGap = (gap: Gap): string => JSON.stringify(gapOf(gap));

/** Encodes the notice of `status.ts` as one JSON text. */
export const encodeJsonStatus = (unavailableSince: Date | undefined): string =>
  JSON.stringify(statusOf(unavailableSince));

function itemOf(name: string, { id, data, fields }: Entry): string {
  const further = fields === undefined ? "" : `,${fieldsJson(fields)}`;
  return `[${name},"${id}",${bytesJson(data)}${further}]`;
}

function bytesJson(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === undefined ? `{"base64":"${encodeBase64(bytes)}"}` : JSON.stringify(text);
}

const fieldsJson = (fields: EntryFields): string =>
  `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${valueJson(value)}`).join(",")}}`;

/** A repeated field is a list. */
const valueJson = (value: FieldValue): string =>
  value instanceof Uint8Array ? bytesJson(value) : `[${value.map(bytesJson).join(",")}]`;

/** Decodes a pushed batch. @throws GatewayError BAD_HEADER or TOO_LARGE */
export const decodeJson = (text: string, mostEntries: number): PushedEntry[] =>
  entriesOf(parseJson(text, "the message", mostEntries), mostEntries, bytesOfJson);

/**
 * Decodes a posted batch. JSON is UTF-8 (RFC 8259, section 8.1): anything else would be stored as other characters than
 * were sent.
 *
 * @returns undefined where the body is an object, which no batch is
 * @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE
 */
export function decodeJsonBody(body: Uint8Array, mostEntries: number): PushedEntry[] | undefined {
  const text = textOf(body);
  if (text === undefined) throw new GatewayError("BAD_BODY", "the JSON body must be UTF-8");
  const value = parseJson(text, "the body", mostEntries);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return undefined;
  return entriesOf(value, mostEntries, bytesOfJson);
}

function bytesOfJson(value: unknown, what: string): Uint8Array {
  if (typeof value === "string") return bytesOfText(value);
  const base64 = typeof value === "object" && value !== null && "base64" in value ? value.base64 : undefined;
  const bytes = typeof base64 === "string" ? decodeBase64(base64) : undefined;
  if (bytes === undefined)
    throw malformed(`${what} is neither a string nor {"base64": "…"}: ${preview(value)}`);
  return bytes;
}

/**
 * Reads the items that both clean formats share.
 *
 * @param bytesOf how the format writes bytes; throws with the name of what is wrong
 * @param isStored whether the entries come from a stream, where an entry may have several fields "d"
 * @throws GatewayError BAD_HEADER or TOO_LARGE
 */
export function entriesOf(
  value: unknown,
  mostEntries: number,
  bytesOf: (value: unknown, what: string) => Uint8Array,
  isStored = false,
): PushedEntry[] {
  if (!Array.isArray(value))
    throw malformed(
      `a batch must be a list of entries, [[stream_id, entry_id, payload], …], got ${preview(value)}`,
    );
  checkBatchSize(value.length, mostEntries);
  return value.map((item: unknown, i) => {
    if (!Array.isArray(item) || item.length < 3 || item.length > 4)
      throw malformed(`entry ${i} must be [stream_id, entry_id, payload], got ${preview(item)}`);
    const entry = {
      stream: streamIdOf(item[0]),
      id: requestedIdOf(item[1]),
      data: bytesOf(item[2], `the payload of entry ${i}`),
    };
    const fields = item.length === 4 ? fieldsOf(item[3], i, bytesOf) : undefined;
    if (!isStored && fields?.has("d") === true)
      throw malformed(`entry ${i} must not have a field "d": it is the name of the payload`);
    return fields === undefined ? entry : { ...entry, fields };
  });
}

function fieldsOf(
  value: unknown,
  i: number,
  bytesOf: (value: unknown, what: string) => Uint8Array,
): EntryFields | undefined {
  if (value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array)
    throw malformed(`the fields of entry ${i} must be a map, got ${preview(value)}`);
  const members: [string, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const fields = new Map<string, FieldValue>();
  for (const [name, one] of members) {
    const what = `field ${preview(name)} of entry ${i}`;
    // A list repeats the field. An empty one would be no field at all, so it is refused with any other wrong value.
    const isList = Array.isArray(one) && one.length > 0;
    fields.set(name, isList ? one.map((value: unknown) => bytesOf(value, what)) : bytesOf(one, what));
  }
  return fields.size > 0 ? fields : undefined;
}
