/** Entries of the clean formats, JSON and MessagePack: `[[stream_id, entry_id, payload], …]`. */
import type { EntryFields, FieldValue } from "../domain/streams/entry.ts";
import {
  checkBatchSize,
  checkFieldCount,
  malformed,
  type PushedEntry,
  preview,
  requestedIdOf,
  streamIdOf,
} from "./push-batch.ts";

/**
 * Decodes a value to bytes, in steps if it is long.
 *
 * @param what name of the value in error messages
 * @throws GatewayError BAD_HEADER
 */
export type BytesOf = (value: unknown, what: string) => Uint8Array | Generator<void, Uint8Array>;

/**
 * Reads the entries of a decoded batch, in steps: the caller may do other work after each `yield`.
 *
 * @param isStored the entries come from a stream, where an entry may have several fields "d", and any number of fields
 * @throws GatewayError BAD_HEADER or TOO_LARGE
 */
export function* cleanEntries(
  value: unknown,
  maxEntries: number,
  bytesOf: BytesOf,
  isStored = false,
): Generator<void, PushedEntry[]> {
  if (!Array.isArray(value))
    throw malformed(
      `a batch must be a list of entries, [[stream_id, entry_id, payload], …], got ${preview(value)}`,
    );
  checkBatchSize(value.length, maxEntries);
  const entries: PushedEntry[] = [];
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i];
    if (!Array.isArray(item) || item.length < 3 || item.length > 4)
      throw malformed(`entry ${i} must be [stream_id, entry_id, payload], got ${preview(item)}`);
    const stream = streamIdOf(item[0]);
    const id = requestedIdOf(item[1]);
    const payload = bytesOf(item[2], `the payload of entry ${i}`);
    const data = payload instanceof Uint8Array ? payload : yield* payload;
    const fields = item.length === 4 ? yield* fieldsOf(item[3], i, bytesOf, isStored) : undefined;
    if (!isStored && fields?.has("d") === true)
      throw malformed(`entry ${i} must not have a field "d": it is the name of the payload`);
    entries.push(fields === undefined ? { stream, id, data } : { stream, id, data, fields });
    if (i % ENTRIES_PER_STEP === 0) yield;
  }
  return entries;
}

/** Entries without fields that are read between two yields. */
const ENTRIES_PER_STEP = 64;

function* fieldsOf(
  value: unknown,
  i: number,
  bytesOf: BytesOf,
  isStored: boolean,
): Generator<void, EntryFields | undefined> {
  if (value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array)
    throw malformed(`the fields of entry ${i} must be a map, got ${preview(value)}`);
  if (!isStored && value instanceof Map) checkFieldCount(value.size);
  const members: [string, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  if (!isStored) checkFieldCount(members.reduce((sum, [, one]) => sum + valueCount(one), 0));
  const fields = new Map<string, FieldValue>();
  for (const [name, one] of members) {
    const what = `field ${preview(name)} of entry ${i}`;
    // A list repeats the field. An empty list would store no field, so it is rejected like any other invalid value.
    if (!Array.isArray(one) || one.length === 0) fields.set(name, yield* bytesSteps(one, what, bytesOf));
    else {
      const values: Uint8Array[] = [];
      for (const item of one) values.push(yield* bytesSteps(item, what, bytesOf));
      fields.set(name, values);
    }
  }
  return fields.size > 0 ? fields : undefined;
}

const valueCount = (value: unknown): number => (Array.isArray(value) ? Math.max(1, value.length) : 1);

function* bytesSteps(value: unknown, what: string, bytesOf: BytesOf): Generator<void, Uint8Array> {
  const bytes = bytesOf(value, what);
  yield;
  return bytes instanceof Uint8Array ? bytes : yield* bytes;
}
