/** Stream entries: a payload in Redis' field `d`, and any further fields. */
import type { EntryId } from "./entry-id.ts";

/** Value of a field, any bytes. If the entry repeats the field, its values in order. */
export type FieldValue = Uint8Array | readonly Uint8Array[];

/**
 * Fields of an entry besides its payload, by name. If an entry repeats the field `d`, the last one is the payload, as in
 * the original service, and the earlier ones are fields. Invalid UTF-8 in a name is replaced by U+FFFD.
 */
export type EntryFields = ReadonlyMap<string, FieldValue>;

/** Returns the values of a field, one or more. */
export const valuesOf = (value: FieldValue): readonly Uint8Array[] =>
  value instanceof Uint8Array ? [value] : value;

/** Returns fields as `XADD` arguments: name, value, name, value. A repeated field has its name before each value. */
export const fieldArguments = (fields: EntryFields | undefined): (string | Uint8Array)[] =>
  fields === undefined
    ? []
    : [...fields].flatMap(([name, value]) => valuesOf(value).flatMap((one) => [name, one]));

/** One stored entry. */
export interface Entry {
  readonly id: EntryId;
  /** The payload, the value of field `d`, any bytes; empty if the entry has no such field. */
  readonly data: Uint8Array;
  /** Absent if the entry has only the field `d`, which is the usual case. */
  readonly fields?: EntryFields;
}

/** Returns the size of entries in bytes: payloads, and names and values of further fields. */
export function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.data.length;
    if (entry.fields !== undefined)
      for (const [name, value] of entry.fields)
        for (const one of valuesOf(value)) bytes += name.length + one.length;
  }
  return bytes;
}

/**
 * The requested id of a pushed entry: `*` lets Redis assign the id, `<ms>-*` the sequence; anything else is a full id
 * (Redis: `XADD`).
 */
export type RequestedId = string & { readonly wanted?: never };

/** Identifies an entry across retries: a key that the client chooses, and the entry's number under that key. */
export interface DedupeMark {
  readonly key: string;
  readonly number: number;
}

/** An entry to append, with its stream key. */
export interface NewEntry {
  readonly key: string;
  readonly id: RequestedId;
  readonly data: Uint8Array;
  readonly fields?: EntryFields;
  /** If present, the append is idempotent: a retry does not store the entry twice. */
  readonly dedupe?: DedupeMark;
}

/** An entry whose append is idempotent. */
export type DedupedEntry = NewEntry & { readonly dedupe: DedupeMark };

/** Returns whether the append of an entry is idempotent. */
export const isDeduped = (entry: NewEntry): entry is DedupedEntry => entry.dedupe !== undefined;

/**
 * A range of ids, exclusive at both ends, in which the reader may miss entries. They were trimmed, or deleted with the
 * stream.
 */
export interface Gap {
  readonly stream: string;
  /** The reader's cursor; `0-0` if the stream was created again and reuses ids up to the cursor. */
  readonly after: EntryId;
  /** The id of the next entry; if `after` is `0-0`, the id after the cursor. */
  readonly before: EntryId;
}

/** Entries of one stream, with the stream name that the client uses. */
export interface StreamEntries {
  readonly stream: string;
  readonly entries: readonly Entry[];
}
