/**
 * The clean format as MessagePack: an array of `[stream_id, entry_id, payload]`, payload as bin, with an entry's further
 * fields, where it has any, as a fourth element, a map (wire.md, "The clean format").
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { encode } from "@msgpack/msgpack";
import type { StreamEntries } from "../domain/entry.ts";
import { cleanEntries } from "./json.ts";
import { readMsgpack } from "./msgpack-reader.ts";
import { malformed, type PushedEntry, shown } from "./push-batch.ts";
import { bytesOfText } from "./utf8.ts";

/** Encodes entries as one MessagePack value. */
export function encodeMsgpack(streams: readonly StreamEntries[]): Uint8Array {
  const items = streams.flatMap(({ stream, entries }) =>
    entries.map(({ id, data, fields }) =>
      fields === undefined ? [stream, id, data] : [stream, id, data, Object.fromEntries(fields)],
    ),
  );
  return encode(items);
}

/** Decodes a pushed batch. A payload may be bin or str. @throws GatewayError BAD_HEADER or TOO_LARGE */
export const decodeMsgpack = (bytes: Uint8Array, mostEntries: number): PushedEntry[] =>
  cleanEntries(readMsgpack(bytes, mostEntries), mostEntries, bytesOfMsgpack);

function bytesOfMsgpack(value: unknown, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return bytesOfText(value);
  throw malformed(`${what} is neither bin nor str: ${shown(value)}`);
}
