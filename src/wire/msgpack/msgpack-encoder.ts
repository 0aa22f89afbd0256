/**
 * Encodes the clean format as MessagePack. Values of 16 KB and more are not copied; the library copies each value several
 * times (decision 0014).
 */

import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import { type StreamEntries, valuesOf } from "../../domain/streams/entry.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";
import { BLOCK_BYTES, MsgpackWriter, PIECE_BYTES } from "./msgpack-writer.ts";

/** Maximum size (bytes) of an entry besides its stream name, payload and fields: the heads of its values, and its id. */
const ENTRY_BYTES = 64;
/** Maximum size (bytes) of the head of a name or value, or of a list. */
const VALUE_BYTES = 10;
/** Maximum size of a character in UTF-8 (bytes). */
const UTF8_BYTES = 3;

/** Encodes entries as one value. */
export const encodeMsgpack = (streams: readonly StreamEntries[]): Pieces =>
  runAtOnce(encodeMsgpackSteps(streams));

/** Encodes entries in steps, with the same result. The caller may do other work after each `yield`. */
export function* encodeMsgpackSteps(streams: readonly StreamEntries[]): Generator<void, Pieces> {
  const out = new MsgpackWriter(shortBytes(streams));
  out.array(streams.reduce((sum, { entries }) => sum + entries.length, 0));
  for (const { stream, entries } of streams) {
    const name = bytesOfText(stream);
    for (const { id, data, fields } of entries) {
      out.array(fields === undefined ? 3 : 4);
      out.text(name);
      out.ascii(id);
      out.bytes(data);
      yield* out.step();
      if (fields !== undefined) yield* out.fields(fields);
    }
  }
  return out.take();
}

/** Returns a size that the short values of entries do not exceed, or at least that of a block. */
function shortBytes(streams: readonly StreamEntries[]): number {
  let bytes = VALUE_BYTES;
  for (const { stream, entries } of streams)
    for (const { data, fields } of entries) {
      bytes += ENTRY_BYTES + UTF8_BYTES * stream.length + shortBytesOf(data);
      if (fields !== undefined)
        for (const [name, value] of fields) {
          bytes += VALUE_BYTES + UTF8_BYTES * name.length;
          for (const one of valuesOf(value)) bytes += VALUE_BYTES + shortBytesOf(one);
          if (bytes > BLOCK_BYTES) return bytes;
        }
      if (bytes > BLOCK_BYTES) return bytes;
    }
  return bytes;
}

const shortBytesOf = ({ length }: Uint8Array): number => (length < PIECE_BYTES ? length : 0);
