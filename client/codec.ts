/**
 * The clean format on the client's side: one MessagePack array of `[stream_id, entry_id, payload, fields?]` per batch
 * (wire.md, "The clean format"). The one place that knows the MessagePack library.
 */
import { decode, encode } from "@msgpack/msgpack";
import type { EntryFields } from "../src/domain/entry.ts";
import { bytesOfText, lossyTextOf } from "../src/wire/utf8.ts";
import { badMessage } from "./errors.ts";

/** The `format` parameter that asks for what this file reads and writes. */
export const FORMAT = "msgpack";

/** One entry as it arrives. */
export interface StreamEntry {
  /** The stream's name as it was asked for, without device and prefix. */
  readonly stream: string;
  readonly id: string;
  /** The payload, any bytes. It may be a view on the whole message: copy it to keep a small part for long. */
  readonly data: Uint8Array;
  /** The entry's further fields, absent where it has none. */
  readonly fields?: EntryFields;
}

/** One entry on its way out. */
export interface OutgoingEntry {
  readonly stream: string;
  /** Undefined lets Redis assign it; else a full id, or `<ms>-*`. */
  readonly id: string | undefined;
  readonly data: Uint8Array;
  readonly fields: Readonly<Record<string, string | Uint8Array>> | undefined;
}

/** Makes the message of a batch. */
export function encodeBatch(entries: readonly OutgoingEntry[]): Uint8Array {
  return encode(
    entries.map(({ stream, id, data, fields }) =>
      fields === undefined ? [stream, id ?? null, data] : [stream, id ?? null, data, bytesOfAll(fields)],
    ),
  );
}

/** Reads a message. @throws StreamerError BAD_MESSAGE */
export function decodeBatch(message: Uint8Array): readonly StreamEntry[] {
  let decoded: unknown;
  try {
    decoded = decode(message, {
      // Text comes as its bytes: that is what a field's value is here, whichever of the two it was sent as.
      rawStrings: true,
      keyDecoder: fieldKeys,
      // Nothing has more members than the message has bytes; a length that lies reserves no memory.
      maxArrayLength: message.length,
      maxMapLength: message.length,
    });
  } catch (error) {
    throw badMessage("a message that is no MessagePack", error);
  }
  if (!Array.isArray(decoded)) throw badMessage("a message that is no list of entries");
  return decoded.map(readEntry);
}

/** Put before field names while they are an object's keys, since a field may be named `__proto__`. */
const FIELD_MARK = "=";
const fieldKeys = {
  canBeCached: () => true,
  decode: (bytes: Uint8Array, offset: number, length: number) =>
    FIELD_MARK + lossyTextOf(bytes.subarray(offset, offset + length)),
};

const textOf = (bytes: unknown): string | undefined =>
  bytes instanceof Uint8Array ? lossyTextOf(bytes) : undefined;

function readEntry(value: unknown): StreamEntry {
  const parts: readonly unknown[] = Array.isArray(value) ? value : [];
  const stream = textOf(parts[0]);
  const id = textOf(parts[1]);
  const data = parts[2];
  if (stream === undefined || id === undefined || !(data instanceof Uint8Array)) {
    throw badMessage("an entry that is no [stream_id, entry_id, payload]");
  }
  const fields = parts[3] ?? undefined;
  return fields === undefined ? { stream, id, data } : { stream, id, data, fields: readFields(fields) };
}

function readFields(value: unknown): EntryFields {
  if (typeof value !== "object" || value === null) throw badMessage("an entry whose fields are no map");
  return new Map(
    Object.entries(value).map(([key, field]: [string, unknown]) => {
      if (!(field instanceof Uint8Array))
        throw badMessage("an entry with a field that is neither bytes nor text");
      return [key.slice(FIELD_MARK.length), field];
    }),
  );
}

const bytesOfAll = (fields: Readonly<Record<string, string | Uint8Array>>): Record<string, Uint8Array> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "string" ? bytesOfText(value) : value,
    ]),
  );
