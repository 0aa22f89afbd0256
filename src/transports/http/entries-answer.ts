/** Entries as the body of one HTTP answer, in the format that the client asked for. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { StreamEntries } from "../../domain/entry.ts";
import { bytesOf } from "../../redis/entry-sizes.ts";
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

/** Reads the form: `format`, else what `Accept` prefers. @throws GatewayError BAD_PARAMETER */
export function readAnswerForm(request: FastifyRequest, query: Query): AnswerForm {
  return {
    format: query.choice("format", acceptedFormat(request.headers.accept), ["raw", "msgpack", "json"]),
    offsets: query.choice("offsets", "start", ["start", "end"]),
  };
}

/** Memory of an answer while it is made: its entries, and the body that they are copied to. */
export const answerBytes = (streams: readonly StreamEntries[]): number =>
  streams.reduce((sum, { entries }) => sum + 2 * bytesOf(entries), 0);

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
