/**
 * Batches of entries on their way to a thread: one buffer, which is transferred instead of copied. Entries themselves cannot be
 * transferred, because their payloads are views of buffers that readers share.
 *
 *     group   key index u32, entries u32, entries
 *     entry   id length u8, id, fields u32, data length u32, data, fields
 *     field   name length u32, name, value length u32, value
 */
import { type Entry, type FieldValue, fieldArguments, type StreamEntries } from "../domain/streams/entry.ts";
import type { EntryId } from "../domain/streams/entry-id.ts";

/** Entries of several streams, packed into one buffer. */
export interface EntryBatch {
  /** Stream keys, by the index that groups name. */
  readonly keys: readonly string[];
  /** Nothing else uses its buffer, which may be larger. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const GROUP_BYTES = 8;
/** Bytes of an entry besides its id, data and fields. */
const ENTRY_BYTES = 1 + 4 + 4;
const LENGTH_BYTES = 4;

/**
 * Packs entries.
 *
 * @param groups entries by stream key, in order
 * @param bufferOf returns a buffer of at least that many bytes, which nothing else uses
 */
export function packEntries(
  groups: readonly StreamEntries[],
  bufferOf = (size: number) => new ArrayBuffer(size),
): EntryBatch {
  const indexes = new Map<string, number>();
  const fields = new Map<Entry, readonly (string | Uint8Array)[]>();
  let size = 0;
  for (const { stream, entries } of groups) {
    if (!indexes.has(stream)) indexes.set(stream, indexes.size);
    size += GROUP_BYTES;
    for (const entry of entries) {
      size += ENTRY_BYTES + entry.id.length + entry.data.length;
      if (entry.fields === undefined) continue;
      const list = fieldArguments(entry.fields);
      fields.set(entry, list);
      for (const one of list) size += LENGTH_BYTES + Buffer.byteLength(one);
    }
  }
  const bytes = Buffer.from(bufferOf(size), 0, size);
  let at = 0;
  for (const { stream, entries } of groups) {
    at = bytes.writeUInt32LE(indexes.get(stream) ?? 0, at);
    at = bytes.writeUInt32LE(entries.length, at);
    for (const entry of entries) at = writeEntry(bytes, at, entry, fields.get(entry) ?? []);
  }
  return { keys: [...indexes.keys()], bytes };
}

function writeEntry(
  bytes: Buffer,
  start: number,
  { id, data }: Entry,
  fields: readonly (string | Uint8Array)[],
): number {
  let at = bytes.writeUInt8(id.length, start);
  at += bytes.write(id, at, "latin1");
  at = bytes.writeUInt32LE(fields.length / 2, at);
  at = bytes.writeUInt32LE(data.length, at);
  bytes.set(data, at);
  at += data.length;
  for (const one of fields) {
    const length = typeof one === "string" ? bytes.write(one, at + LENGTH_BYTES) : one.length;
    if (typeof one !== "string") bytes.set(one, at + LENGTH_BYTES);
    at = bytes.writeUInt32LE(length, at) + length;
  }
  return at;
}

/** Iterates over the entries of a batch, in order. Their payloads are views of its buffer. */
export function* unpackEntries({ keys, bytes }: EntryBatch): Generator<readonly [key: string, entry: Entry]> {
  const reader = new BatchReader(bytes);
  while (!reader.isAtEnd()) {
    const key = keys[reader.number()] ?? "";
    for (let left = reader.number(); left > 0; left--) yield [key, reader.entry()];
  }
}

/** Reads the parts of a batch one after the other. */
class BatchReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
  }

  isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += LENGTH_BYTES;
    return value;
  }

  entry(): Entry {
    const idLength = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    const id = this.#take(idLength).toString("latin1") as EntryId;
    const fields = this.number();
    const data = this.#take(this.number());
    return fields === 0 ? { id, data } : { id, data, fields: this.#fields(fields) };
  }

  #fields(count: number): ReadonlyMap<string, FieldValue> {
    const fields = new Map<string, FieldValue>();
    for (let left = count; left > 0; left--) {
      const name = this.#take(this.number()).toString();
      const value: Uint8Array = this.#take(this.number());
      const known = fields.get(name);
      if (known === undefined) fields.set(name, value);
      else fields.set(name, known instanceof Uint8Array ? [known, value] : [...known, value]);
    }
    return fields;
  }

  #take(length: number): Buffer {
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }
}
