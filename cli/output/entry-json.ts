/** Formats an entry as one line of JSON. */
import { type EntryFields, type PulledEntry, StreamerError } from "../../client/index.ts";
import { isoTime } from "../../src/domain/streams/entry-id.ts";

/**
 * Formats an entry: JSON payloads as they are, MessagePack as its value, text as a string, other bytes as `{"base64"}`. So are
 * payloads that are not of their declared type. The members are `stream`, `id`, `time` (null if the id is no time) and `data`, and
 * `fields` and `gap` if the entry has them.
 */
export function entryJson(entry: PulledEntry): string {
  const { stream, id, fields, gap } = entry;
  const head = JSON.stringify({ stream, id, time: isoTime(entry.timeMs) });
  const rest = [
    `"data":${payloadJson(entry)}`,
    ...(fields === undefined ? [] : [`"fields":${JSON.stringify(fieldsJson(fields))}`]),
    ...(gap ? ['"gap":true'] : []),
  ];
  return `${head.slice(0, -1)},${rest.join(",")}}`;
}

function payloadJson(entry: PulledEntry): string {
  const value = valueOrBytes(entry);
  if (value instanceof Uint8Array) return JSON.stringify(bytesJson(value));
  // The text itself, because a parsed number loses digits. Line breaks stand only between its tokens.
  if (isJson(entry)) return entry.text().replace(/[\r\n]+/g, " ");
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === "bigint") return String(one);
    return one instanceof Uint8Array ? bytesJson(one) : one;
  });
}

/** Returns the payload by its content type, or its bytes if it is not of that type. */
function valueOrBytes(entry: PulledEntry): unknown {
  try {
    return entry.value();
  } catch (error) {
    if (error instanceof StreamerError && error.code === "BAD_PAYLOAD") return entry.data;
    throw error;
  }
}

function isJson(entry: PulledEntry): boolean {
  try {
    entry.json();
    return true;
  } catch {
    return false;
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function bytesJson(bytes: Uint8Array): string | { readonly base64: string } {
  try {
    return strict.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes).toString("base64") };
  }
}

const fieldsJson = (fields: EntryFields) =>
  Object.fromEntries(
    [...fields].map(([name, value]) => [
      name,
      value instanceof Uint8Array ? bytesJson(value) : value.map(bytesJson),
    ]),
  );
