/** Formats an entry as one line of JSON. */
import type { EntryFields, PulledEntry } from "../../client/index.ts";

/**
 * Formats an entry: JSON payloads as they are, MessagePack as its value, text as a string, other bytes as `{"base64"}`. The
 * members are `stream`, `id`, `time` and `data`, and `fields` and `gap` if the entry has them.
 */
export function entryJson(entry: PulledEntry): string {
  const { stream, id, fields, gap } = entry;
  const head = JSON.stringify({ stream, id, time: new Date(entry.timeMs).toISOString() });
  const rest = [
    `"data":${payloadJson(entry)}`,
    ...(fields === undefined ? [] : [`"fields":${JSON.stringify(fieldsJson(fields))}`]),
    ...(gap ? ['"gap":true'] : []),
  ];
  return `${head.slice(0, -1)},${rest.join(",")}}`;
}

function payloadJson(entry: PulledEntry): string {
  const value = entry.value();
  if (value instanceof Uint8Array) return JSON.stringify(bytesJson(value));
  // The text itself, because a parsed number loses digits. Line breaks stand only between its tokens.
  if (isJson(entry)) return entry.text().replace(/[\r\n]+/g, " ");
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === "bigint") return String(one);
    return one instanceof Uint8Array ? bytesJson(one) : one;
  });
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
