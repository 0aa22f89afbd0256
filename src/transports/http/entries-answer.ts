/** Entries as the body of one HTTP answer, in the format that the client asked for. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Gap, StreamEntries } from "../../domain/entry.ts";
import { asciiJson, encodeHeader, type PullOffsets } from "../../wire/header.ts";
import { encodeJson } from "../../wire/json.ts";
import { encodeMsgpack } from "../../wire/msgpack.ts";
import { acceptedFormat, type BodyFormat } from "../media-types.ts";
import type { Query } from "../query.ts";

/** How the body is written: entries end to end, or the clean format. */
export interface AnswerForm {
  readonly format: BodyFormat;
  readonly offsets: PullOffsets;
}

/** `x-offsets` stays below this many bytes: common clients refuse header lines over 64 KB. */
const MOST_OFFSETS_BYTES = 32 * 1024;

/** Reads the form: `format`, else what `Accept` prefers. @throws GatewayError BAD_PARAMETER */
export function readAnswerForm(request: FastifyRequest, query: Query): AnswerForm {
  return {
    format: query.choice("format", acceptedFormat(request.headers.accept), ["raw", "msgpack", "json"]),
    offsets: query.choice("offsets", "start", ["start", "end"]),
  };
}

/**
 * Leaves entries out until the header of the rest fits: from the end, so that the next request continues there, or
 * with `latest` from the beginning, because older ones are skipped anyway.
 */
export function fitEntries(
  streams: readonly StreamEntries[],
  { format, offsets }: AnswerForm,
  latest: boolean,
): readonly StreamEntries[] {
  if (format !== "raw") return streams;
  let all = streams;
  for (;;) {
    const excess = asciiJson(encodeHeader(all, offsets)).length / MOST_OFFSETS_BYTES;
    if (excess <= 1) return all;
    const entries = all.reduce((sum, one) => sum + one.entries.length, 0);
    all = take(all, Math.max(1, Math.floor((entries / excess) * 0.98)), latest);
    if (entries === 1) return all;
  }
}

/** `x-gaps`: `[[stream_id, after, before], …]`, with none that would not fit. */
export function gapsHeader(gaps: readonly Gap[]): string {
  const items: string[] = [];
  let bytes = 0;
  for (const { stream, after, before } of gaps) {
    const item = asciiJson(JSON.stringify([stream, after, before]));
    bytes += item.length + 1;
    if (bytes > MOST_OFFSETS_BYTES) break;
    items.push(item);
  }
  return `[${items.join(",")}]`;
}

/** The first `count` entries over all streams, or the last ones of each stream. */
function take(streams: readonly StreamEntries[], count: number, latest: boolean): readonly StreamEntries[] {
  const taken: StreamEntries[] = [];
  let left = count;
  const perStream = Math.max(1, Math.floor(count / streams.length));
  for (const { stream, entries } of streams) {
    const some = latest ? entries.slice(-Math.min(perStream, left)) : entries.slice(0, left);
    left -= some.length;
    if (some.length > 0) taken.push({ stream, entries: some });
    if (left === 0) break;
  }
  return taken;
}

/** Sends entries, with the headers that describe them. */
export function sendEntries(
  reply: FastifyReply,
  streams: readonly StreamEntries[],
  { format, offsets }: AnswerForm,
) {
  switch (format) {
    case "json":
      return reply.type("application/json; charset=utf-8").send(encodeJson(streams));
    case "msgpack":
      return reply.type("application/msgpack").send(Buffer.from(encodeMsgpack(streams)));
    case "raw":
      return reply
        .type("application/octet-stream")
        .header("x-offsets", asciiJson(encodeHeader(streams, offsets)))
        .send(endToEnd(streams));
    default:
      return format satisfies never;
  }
}

function endToEnd(streams: readonly StreamEntries[]): Buffer {
  const [first, ...others] = streams.flatMap(({ entries }) => entries.map(({ data }) => data));
  if (first === undefined) return Buffer.alloc(0);
  if (others.length > 0) return Buffer.concat([first, ...others]);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}
