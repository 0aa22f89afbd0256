/** Decoder of the messages of a work queue in MessagePack, the inverse of `work.ts`. */
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import { parseId } from "../../domain/streams/entry-id.ts";
import { cleanEntries } from "../clean-entries.ts";
import { bytesOfMsgpack } from "../msgpack/msgpack.ts";
import { readMsgpack } from "../msgpack/msgpack-reader.ts";
import { malformed, preview } from "../push-batch.ts";

/** An entry that a worker received. */
export interface WorkEntry extends Entry {
  readonly stream: string;
  /** Number of deliveries of the entry, including this one. */
  readonly n: number;
}

/** An entry as a worker names it. */
export interface NamedWork {
  /** Undefined if the request names one stream. */
  readonly stream: string | undefined;
  readonly id: string;
}

/** A message of the gateway: entries, the answer to a message, or entries that were trimmed. */
export type WorkMessage =
  | { readonly entries: readonly WorkEntry[] }
  | { readonly late: readonly NamedWork[] }
  | { readonly lost: readonly NamedWork[] };

/** Decodes a message. @throws GatewayError BAD_HEADER */
export function decodeWork(bytes: Uint8Array): WorkMessage {
  const value = readMsgpack(bytes, bytes.length, true);
  if (value instanceof Map) return readNotice(value);
  if (!Array.isArray(value))
    throw malformed(`the message must be entries or a notice, got ${preview(value)}`);
  return { entries: value.map(readEntry) };
}

function readEntry(item: unknown, i: number): WorkEntry {
  const [stream, idText, data, fields, last]: readonly unknown[] = Array.isArray(item) ? item : [];
  const n: unknown = last instanceof Map ? last.get("n") : undefined;
  const id = typeof idText === "string" ? parseId(idText) : undefined;
  if (
    typeof stream !== "string" ||
    id === undefined ||
    !(data instanceof Uint8Array) ||
    typeof n !== "number"
  )
    throw malformed(
      `entry ${i} must be [stream_id, entry_id, payload, fields, {"n": 1}], got ${preview(item)}`,
    );
  if (fields === null) return { stream, id, data, n };
  const [entry] = runAtOnce(cleanEntries([[stream, idText, data, fields]], 1, bytesOfMsgpack, true));
  return entry?.fields === undefined
    ? { stream, id, data, n }
    : { stream, id, data, n, fields: entry.fields };
}

function readNotice(notice: ReadonlyMap<unknown, unknown>): WorkMessage {
  const lost = notice.get("lost");
  if (Array.isArray(lost)) return { lost: lost.map(readName) };
  const done = notice.get("done");
  const late: unknown = done instanceof Map ? done.get("late") : undefined;
  if (Array.isArray(late)) return { late: late.map(readName) };
  throw malformed(`the message must be entries or a notice, got ${preview(notice)}`);
}

function readName(value: unknown): NamedWork {
  if (typeof value === "string") return { stream: undefined, id: value };
  const [stream, id]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof stream === "string" && typeof id === "string") return { stream, id };
  throw malformed(`an entry must be an id or [stream_id, entry_id], got ${preview(value)}`);
}
