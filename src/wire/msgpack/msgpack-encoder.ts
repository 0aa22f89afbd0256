/**
 * Encodes the clean format as MessagePack, without a copy of large payloads. The library copies each value several times, so it
 * takes 20 times as long for two entries of 100 KB.
 */

import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { StreamEntries } from "../../domain/streams/entry.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";
import { BLOCK_BYTES, MsgpackWriter, PIECE_BYTES } from "./msgpack-writer.ts";

/** Overhead (bytes) of an entry besides its stream name and payload: the heads of its values, and its id. */
const ENTRY_BYTES = 48;

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

/** Estimates the size of the short values of entries, up to that of a block. */
function shortBytes(streams: readonly StreamEntries[]): number {
  let bytes = ENTRY_BYTES;
  for (const { stream, entries } of streams)
    for (const { data } of entries) {
      if (bytes > BLOCK_BYTES) return bytes;
      bytes += ENTRY_BYTES + stream.length + (data.length < PIECE_BYTES ? data.length : 0);
    }
  return bytes;
}
