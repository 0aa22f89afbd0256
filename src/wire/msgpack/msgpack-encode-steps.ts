/**
 * Encodes the clean format as MessagePack in steps, for long batches: the library encodes a batch as a whole. The caller may
 * do other work after each `yield`.
 */
import type { StreamEntries } from "../../domain/streams/entry.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

/** Encodes entries as the same value as `encodeMsgpack`. */
export function* encodeMsgpackSteps(streams: readonly StreamEntries[]): Generator<void, Pieces> {
  const out = new MsgpackWriter();
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
