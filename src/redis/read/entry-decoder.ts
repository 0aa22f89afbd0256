/** Decoder of entries in the replies of XRANGE, XREVRANGE and XREAD. */

import { type Entry, type FieldValue, valuesOf } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Reply } from "../resp/reader.ts";

const NO_DATA = new Uint8Array(0);
const LOWER_D = 100;
const latin1 = (bytes: Buffer) => bytes.toString("latin1");

/** Decodes the reply for one stream: a list of `[id, [field, value, …]]`. @throws Error if it is not a list */
export function entriesOf(reply: Reply): Entry[] {
  if (reply === null) return [];
  if (!Array.isArray(reply)) throw new Error("Redis did not reply with a list of entries");
  const entries: Entry[] = [];
  // Redis can return a deleted entry as null instead of its fields.
  for (const one of reply) {
    const entry = Array.isArray(one) ? entryOf(one) : undefined;
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

function entryOf([id, fields]: Reply[]): Entry | undefined {
  if (!Buffer.isBuffer(id) || !Array.isArray(fields)) return undefined;
  const entryId = latin1(id) as EntryId;
  const [name, value] = fields;
  if (fields.length === 2 && Buffer.isBuffer(name) && name.length === 1 && name[0] === LOWER_D) {
    return { id: entryId, data: Buffer.isBuffer(value) ? value : NO_DATA };
  }
  return withFields(entryId, fields);
}

/** Decodes an entry with other fields than one `d`. A repeated field becomes a list; the last `d` is the payload. */
function withFields(id: EntryId, fields: readonly Reply[]): Entry {
  let data: Uint8Array | undefined;
  const further = new Map<string, FieldValue>();
  const add = (name: string, value: Uint8Array) => {
    const before = further.get(name);
    further.set(name, before === undefined ? value : [...valuesOf(before), value]);
  };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (!Buffer.isBuffer(name) || !Buffer.isBuffer(value)) continue;
    if (name.length === 1 && name[0] === LOWER_D) {
      if (data !== undefined) add("d", data);
      data = value;
    } else add(name.toString("utf8"), value);
  }
  return { id, data: data ?? NO_DATA, ...(further.size > 0 && { fields: further }) };
}

/**
 * Decodes an XREAD reply into entries per stream key. The reply is a flattened map in RESP3, a list of pairs in RESP2,
 * and null if there are no entries.
 */
export function entriesByKey(reply: Reply): (readonly [key: string, entries: Entry[]])[] {
  if (reply === null) return [];
  if (!Array.isArray(reply)) throw new Error("Redis did not reply to XREAD with a list");
  const flat = reply.length > 0 && Array.isArray(reply[0]) ? (reply as Reply[][]).flat() : reply;
  const streams: (readonly [string, Entry[]])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const key = flat[i];
    if (Buffer.isBuffer(key)) streams.push([key.toString("utf8"), entriesOf(flat[i + 1] ?? null)]);
  }
  return streams;
}
