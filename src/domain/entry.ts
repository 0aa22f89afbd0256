/** What a stream holds: an entry, with the payload in Redis' field `d` and any further fields beside it. */
import type { EntryId } from "./entry-id.ts";

/** Value of a field, any bytes; the values in order if the entry repeats the field. */
export type FieldValue = Uint8Array | readonly Uint8Array[];

/**
 * Fields of an entry besides its payload, by name. If an entry repeats the field `d`, the last `d` is the payload, as in
 * the original service, and the earlier ones are here. A name that is not UTF-8 has U+FFFD in place of the wrong bytes.
 */
export type EntryFields = ReadonlyMap<string, FieldValue>;

/** Returns the values of a field, one or more. */
export const valuesOf = (value: FieldValue): readonly Uint8Array[] =>
  value instanceof Uint8Array ? [value] : value;

/** Returns fields as Redis takes them: name, value, name, value; a repeated field has its name before each value. */
export const fieldArguments = (fields: EntryFields | undefined): (string | Uint8Array)[] =>
  fields === undefined
    ? []
    : [...fields].flatMap(([name, value]) => valuesOf(value).flatMap((one) => [name, one]));

/** One entry as it stands in a stream. */
export interface Entry {
  readonly id: EntryId;
  /** The payload, the value of field `d`, any bytes; empty if the entry has no such field. */
  readonly data: Uint8Array;
  /** Absent where the entry has no field but `d`, which is the usual case. */
  readonly fields?: EntryFields;
}

/**
 * The id that a pushed entry asks for: `*` lets Redis assign it, `<ms>-*` its sequence, anything else is a full id
 * (Redis: `XADD`).
 */
export type RequestedId = string & { readonly wanted?: never };

/** What recognises an entry that is sent again: a key of its pusher's choice, and the entry's number under it. */
export interface DedupeMark {
  readonly key: string;
  readonly number: number;
}

/** An entry on its way in, with the stream key it goes to. */
export interface NewEntry {
  readonly key: string;
  readonly id: RequestedId;
  readonly data: Uint8Array;
  readonly fields?: EntryFields;
  /** Present: it is stored once, also where it is sent again. */
  readonly dedupe?: DedupeMark;
}

/** One that may be sent again. */
export type DedupedEntry = NewEntry & { readonly dedupe: DedupeMark };

/** Whether an entry may be sent again. */
export const isDeduped = (entry: NewEntry): entry is DedupedEntry => entry.dedupe !== undefined;

/**
 * Entries of a stream whose ids lie between two, neither of them included, that the reader may lack: trimmed, or deleted
 * with the stream.
 */
export interface Gap {
  readonly stream: string;
  /** The reader's cursor; `0-0` where the stream was created again and uses ids up to the cursor for other entries. */
  readonly after: EntryId;
  /** The id of the entry that follows, or after `0-0` the id right after the cursor. */
  readonly before: EntryId;
}

/** The entries of one stream, under the name that the client knows the stream by. */
export interface StreamEntries {
  readonly stream: string;
  readonly entries: readonly Entry[];
}
