/**
 * Messages of the channel `…/fields`, which complete a message of the stream's own channel: the fields of the entry besides its
 * payload, and its id where the message's time cannot represent it. JSON:
 *
 *     {"id": "1700000000000-1000000", "fields": {"text": "as it is", "bytes": {"base64": "/w=="}, "repeated": ["1", "2"]}}
 */
import { isObject } from "../../domain/is-object.ts";
import type { EntryFields, FieldValue } from "../../domain/streams/entry.ts";
import { type EntryId, parseId } from "../../domain/streams/entry-id.ts";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { valueOfJson } from "../json/value-of-json.ts";
import { bytesOfText, textOf } from "../utf8.ts";

/** Id and fields that a message of the channel `…/fields` adds to an entry. */
export interface EntryAddition {
  readonly id?: EntryId;
  readonly fields?: EntryFields;
}

type JsonValue = string | { readonly base64: string };

const jsonOf = (value: Uint8Array): JsonValue => textOf(value) ?? { base64: encodeBase64(value) };

/** Encodes a message. */
export function encodeAddition({ id, fields }: EntryAddition): Uint8Array {
  const members = fields && [...fields].map(([name, value]) => [name, valueJson(value)] as const);
  return bytesOfText(
    JSON.stringify({
      ...(id !== undefined && { id }),
      // A list of pairs if an object would not keep the order of the names.
      ...(members !== undefined && { fields: isOrdered(members) ? Object.fromEntries(members) : members }),
    }),
  );
}

const valueJson = (value: FieldValue) => (value instanceof Uint8Array ? jsonOf(value) : value.map(jsonOf));

/** Whether an object keeps the names: those of whole numbers come first in an object, and `__proto__` is special. */
const isOrdered = (members: readonly (readonly [string, unknown])[]): boolean =>
  members.every(([name]) => !/^\d+$/.test(name) && name !== "__proto__");

/** Decodes a message; undefined if it is not one. */
export function decodeAddition(data: Uint8Array): EntryAddition | undefined {
  const value = valueOfJson(textOf(data));
  if (!isObject(value)) return undefined;
  const { id, fields } = value;
  const parsedId = typeof id === "string" ? parseId(id) : undefined;
  const members: unknown = isObject(fields) ? Object.entries(fields) : fields;
  const parsed = Array.isArray(members) ? fieldsOf(members) : undefined;
  return { ...(parsedId !== undefined && { id: parsedId }), ...(parsed !== undefined && { fields: parsed }) };
}

function fieldsOf(members: readonly unknown[]): EntryFields {
  const fields = new Map<string, FieldValue>();
  for (const member of members) {
    if (!Array.isArray(member) || typeof member[0] !== "string") continue;
    const value: unknown = member[1];
    if (!Array.isArray(value)) fields.set(member[0], memberBytes(value));
    else fields.set(member[0], value.map(memberBytes));
  }
  return fields;
}

function memberBytes(value: unknown): Uint8Array {
  if (typeof value === "string") return bytesOfText(value);
  return isObject(value) && typeof value.base64 === "string"
    ? (decodeBase64(value.base64) ?? new Uint8Array())
    : new Uint8Array();
}
