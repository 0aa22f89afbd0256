/** HTTP response with entries, in the format that the client requested. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ClientMemory } from "../../../../access/limits/client-memory.ts";
import { runAtOnce } from "../../../../domain/scheduling/run-at-once.ts";
import type { WorkSlices } from "../../../../domain/scheduling/work-slice.ts";
import { bytesOf, type StreamEntries } from "../../../../domain/streams/entry.ts";
import { type BodyFormat, cleanFormat, RAW_TYPE } from "../../../../wire/formats.ts";
import { asciiJson, encodeHeader, type PullOffsets } from "../../../../wire/header.ts";
import { isLongToEncode, joinSteps } from "../../../../wire/pieces.ts";
import { acceptedFormat } from "../../../request/media-types.ts";
import type { ParametersOf } from "../../../request/parameters/parameters.ts";
import type { TurnEnd } from "../../../response/byte-sink.ts";
import { joinOwnPieces } from "../../../response/memory/joined-pieces.ts";
import { memoryOf } from "../../../response/memory/response-memory.ts";
import { sendAtTurnEnd } from "../../route.ts";

/** Format of a response: the payloads end to end, or a clean format. */
export interface AnswerForm {
  readonly format: BodyFormat;
  readonly offsets: PullOffsets;
}

/** Returns the format: the parameter `format`, or else the one that `Accept` prefers. */
export const answerFormOf = (
  { headers }: FastifyRequest,
  { format, offsets }: Pick<ParametersOf<"get">, "format" | "offsets">,
): AnswerForm => ({ format: format ?? acceptedFormat(headers.accept), offsets });

/** Memory per byte of entries while they are copied to a body of payloads end to end. */
const RAW_COPIES = 2;

/** Returns the memory that encoding a response takes. @param bytes size of its entries */
export const memoryOfAnswer = ({ format }: AnswerForm, bytes: number): number =>
  bytes * (format === "raw" ? RAW_COPIES : cleanFormat(format).encodedBytesPerByte);

/** Returns the size of the entries of a response. */
export const answerBytes = (streams: readonly StreamEntries[]): number =>
  streams.reduce((sum, { entries }) => sum + bytesOf(entries), 0);

/** Dependencies of `sendEntries`. */
export interface SendParts {
  readonly memory: ClientMemory;
  readonly workSlices: WorkSlices;
  /** If present, a short response is written together with the others of this event-loop turn. */
  readonly turnEnd?: TurnEnd;
}

/** Sends entries with the headers that describe them. Encodes long responses in slices. @throws GatewayError OVERLOADED */
export function sendEntries(
  reply: FastifyReply,
  streams: readonly StreamEntries[],
  form: AnswerForm,
  { memory, workSlices, turnEnd }: SendParts,
): FastifyReply | Promise<FastifyReply> {
  const { format, offsets } = form;
  reply.type(format === "raw" ? RAW_TYPE : cleanFormat(format).contentType);
  if (format === "raw") reply.header("x-offsets", asciiJson(encodeHeader(streams, offsets)));
  if (isLong(streams, form)) return sendLong(reply, streams, form, { memory, workSlices });
  if (turnEnd !== undefined) sendAtTurnEnd(reply.raw, turnEnd);
  if (format === "raw") return reply.send(endToEnd(streams));
  const body = cleanFormat(format).encode(streams);
  return reply.send(typeof body === "string" ? body : bufferOf(runAtOnce(joinSteps(body))));
}

async function sendLong(
  reply: FastifyReply,
  streams: readonly StreamEntries[],
  form: AnswerForm,
  { memory, workSlices }: SendParts,
): Promise<FastifyReply> {
  const lease = memoryOf(reply, memory);
  const missing = memoryOfAnswer(form, answerBytes(streams)) - lease.bytes();
  // Cached entries were read without a reservation.
  if (missing > 0) await lease.grow(missing);
  // The lease ends with the connection, so the work must stop too.
  const body = await workSlices.runWhileNeeded(encodeSteps(streams, form), () => !reply.raw.destroyed);
  return reply.send(body === undefined ? "" : bufferOf(body));
}

function* encodeSteps(
  streams: readonly StreamEntries[],
  { format }: AnswerForm,
): Generator<void, Uint8Array> {
  if (format === "raw") return yield* joinSteps(payloadsOf(streams));
  const { encodeSteps: encode, hasOwnPieces } = cleanFormat(format);
  const pieces = yield* encode(streams);
  return yield* hasOwnPieces ? joinOwnPieces(pieces) : joinSteps(pieces);
}

const payloadsOf = (streams: readonly StreamEntries[]): Uint8Array[] =>
  streams.flatMap(({ entries }) => entries.map(({ data }) => data));

/** Whether to encode in slices. A single raw payload needs no encoding. */
const isLong = (streams: readonly StreamEntries[], { format }: AnswerForm): boolean =>
  isLongToEncode(streams) && (format !== "raw" || payloadsOf(streams).length > 1);

function endToEnd(streams: readonly StreamEntries[]): Buffer {
  const [first, ...others] = payloadsOf(streams);
  if (first === undefined) return Buffer.alloc(0);
  return others.length > 0 ? Buffer.concat([first, ...others]) : bufferOf(first);
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
