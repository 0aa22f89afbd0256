/** Entries as the body of one HTTP answer, in the format that the client asked for. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { bytesOf, type StreamEntries } from "../../domain/entry.ts";
import { type BodyFormat, cleanFormat, RAW_TYPE } from "../../wire/formats.ts";
import { asciiJson, encodeHeader, type PullOffsets } from "../../wire/header.ts";
import { acceptedFormat } from "../media-types.ts";
import type { ParametersOf } from "../parameters.ts";

/** How the body is written: entries end to end, or the clean format. */
export interface AnswerForm {
  readonly format: BodyFormat;
  readonly offsets: PullOffsets;
}

/** Returns the form: `format`, else what `Accept` prefers. */
export const answerFormOf = (
  { headers }: FastifyRequest,
  { format, offsets }: Pick<ParametersOf<"get">, "format" | "offsets">,
): AnswerForm => ({ format: format ?? acceptedFormat(headers.accept), offsets });

/**
 * Memory of an answer per byte of its entries while it is made: the entries, and the body that they are copied to. JSON is
 * a text first, in which a byte takes up to four characters.
 */
const COPIES: Readonly<Record<BodyFormat, number>> = { raw: 2, msgpack: 3, json: 5 };

/** Memory of an answer while it is made. @param bytes of its entries */
export const memoryOfAnswer = ({ format }: AnswerForm, bytes: number): number => bytes * COPIES[format];

/** Bytes of the entries of an answer. */
export const answerBytes = (streams: readonly StreamEntries[]): number =>
  streams.reduce((sum, { entries }) => sum + bytesOf(entries), 0);

/** Sends entries, with the headers that describe them. */
export function sendEntries(
  reply: FastifyReply,
  streams: readonly StreamEntries[],
  { format, offsets }: AnswerForm,
) {
  if (format === "raw")
    return reply
      .type(RAW_TYPE)
      .header("x-offsets", asciiJson(encodeHeader(streams, offsets)))
      .send(endToEnd(streams));
  const { contentType, encode } = cleanFormat(format);
  const body = encode(streams);
  return reply
    .type(contentType)
    .send(typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

function endToEnd(streams: readonly StreamEntries[]): Buffer {
  const [first, ...others] = streams.flatMap(({ entries }) => entries.map(({ data }) => data));
  if (first === undefined) return Buffer.alloc(0);
  if (others.length > 0) return Buffer.concat([first, ...others]);
  return Buffer.from(first.buffer, first.byteOffset, first.byteLength);
}
