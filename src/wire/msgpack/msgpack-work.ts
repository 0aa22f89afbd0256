/** Encodes the messages of a work queue (`../work/work.ts`) as MessagePack. */
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import { joinSteps, type Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";
import type { WorkItem, WorkNotice } from "../work/work.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

/** Bytes of an item besides its payload, stream name and fields. */
const ITEM_BYTES = 64;
/** Payloads that are longer than this (bytes) are not copied. */
const MAX_COPIED_BYTES = 16 * 1024;

/** Encodes the entries of a stream in steps. */
export function* encodeMsgpackWork(stream: string, items: readonly WorkItem[]): Generator<void, Pieces> {
  const name = bytesOfText(stream);
  const out = new MsgpackWriter(
    items.reduce(
      (sum, { entry: { data } }) => sum + Math.min(data.length, MAX_COPIED_BYTES) + name.length + ITEM_BYTES,
      ITEM_BYTES,
    ),
  );
  out.array(items.length);
  for (const { entry, n } of items) {
    out.array(5);
    out.text(name);
    out.ascii(entry.id);
    out.bytes(entry.data);
    if (entry.fields === undefined) out.nil();
    else yield* out.fields(entry.fields);
    out.map(1);
    out.ascii("n");
    out.uint(n);
    yield* out.step();
  }
  return out.take();
}

/** Encodes a notice. Written by hand: a worker receives one per message, and the library's encoder takes longer than the rest of the answer. */
export function encodeMsgpackWorkNotice(notice: WorkNotice): Uint8Array {
  const names = "lost" in notice ? notice.lost : notice.done.late;
  const out = new MsgpackWriter(ITEM_BYTES * (names.length + 1));
  out.map(1);
  if ("lost" in notice) out.ascii("lost");
  else {
    const counts = Object.entries(notice.done.counts);
    out.ascii("done");
    out.map(counts.length + 1);
    for (const [action, count] of counts) {
      out.ascii(action);
      out.uint(count);
    }
    out.ascii("late");
  }
  out.array(names.length);
  for (const name of names) {
    // An entry id.
    if (typeof name === "string") out.ascii(name);
    else {
      out.array(name.length);
      for (const part of name) out.text(bytesOfText(part));
    }
  }
  return runAtOnce(joinSteps(out.take()));
}
