/**
 * Messages of work queues: `[[stream_id, entry_id, payload, fields or null, {"n": 1}], …]`, where `n` is the delivery count, and
 * notices, which are objects.
 */
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import type { CleanFormatName, Encoded } from "../formats.ts";
import { JsonSteps } from "../json/json-encode-steps.ts";
import { MsgpackWriter } from "../msgpack/msgpack-writer.ts";
import { isLongToEncode, joinSteps, type Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";

/** An entry for a worker. */
export interface WorkItem {
  readonly entry: Entry;
  /** Number of deliveries of the entry, including this one. */
  readonly n: number;
}

/** Whether entries must be encoded in steps, because encoding takes long. */
export const isLongWork = (items: readonly WorkItem[]): boolean =>
  isLongToEncode([{ stream: "", entries: items.map(({ entry }) => entry) }]);

/** Encodes the entries of a stream in steps. In JSON, the pieces are UTF-8. */
export const encodeWorkSteps = (
  format: CleanFormatName,
  stream: string,
  items: readonly WorkItem[],
): Generator<void, Pieces> => ENCODERS[format].steps(stream, items);

/** Bytes of an item besides its payload, stream name and fields. */
const ITEM_BYTES = 64;
/** Payloads that are longer than this (bytes) are not copied. */
const MOST_COPIED_BYTES = 16 * 1024;

function* msgpackSteps(stream: string, items: readonly WorkItem[]): Generator<void, Pieces> {
  const name = bytesOfText(stream);
  const out = new MsgpackWriter(
    items.reduce(
      (sum, { entry: { data } }) => sum + Math.min(data.length, MOST_COPIED_BYTES) + name.length + ITEM_BYTES,
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

function* jsonSteps(stream: string, items: readonly WorkItem[]): Generator<void, Pieces> {
  const out = new JsonSteps();
  const name = JSON.stringify(stream);
  out.add("[");
  let between = "";
  for (const { entry, n } of items) {
    out.add(`${between}[${name},"${entry.id}",`);
    between = ",";
    yield* out.value(entry.data);
    out.add(",");
    if (entry.fields === undefined) out.add("null");
    else yield* out.fields(entry.fields);
    out.add(`,{"n":${n}}]`);
  }
  out.add("]");
  return out.take();
}

/** An entry id, or `[stream_id, entry_id]` if there are several streams. */
export type EntryName = string | readonly string[];

/** Notice to a worker: the answer to its message, by the number of entries, or entries that were trimmed. */
export type WorkNotice =
  | {
      readonly done: {
        readonly counts: Readonly<Record<string, number>>;
        readonly late: readonly EntryName[];
      };
    }
  | { readonly lost: readonly EntryName[] };

/** Encodes a notice: `{"done": {"ack": 3, "late": ["5-1"]}}` or `{"lost": ["4-0"]}`. */
export const encodeWorkNotice = (format: CleanFormatName, notice: WorkNotice): Encoded =>
  ENCODERS[format].notice(notice);

function jsonNotice(notice: WorkNotice): string {
  if ("lost" in notice) return JSON.stringify(notice);
  const { counts, late } = notice.done;
  return JSON.stringify({ done: { ...counts, late } });
}

/** Written by hand: a worker receives one per message, and the library's encoder takes longer than the rest of the answer. */
function msgpackNotice(notice: WorkNotice): Uint8Array {
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

interface WorkEncoder {
  steps(stream: string, items: readonly WorkItem[]): Generator<void, Pieces>;
  notice(notice: WorkNotice): Encoded;
}

/** Encoders of all clean formats: a new format does not compile without a row here. */
const ENCODERS: Readonly<Record<CleanFormatName, WorkEncoder>> = {
  msgpack: { steps: msgpackSteps, notice: msgpackNotice },
  json: { steps: jsonSteps, notice: jsonNotice },
};
