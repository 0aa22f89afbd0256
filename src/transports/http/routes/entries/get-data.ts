/**
 * `GET /data/{stream_id}`: the next entries after a cursor (docs/protocol.md, "GET entries"). A request that a client repeats
 * may be answered before it reaches this route (`repeated-responses.ts`).
 */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { GatewayError } from "../../../../domain/errors.ts";
import type { RequestedCursor } from "../../../../domain/streams/cursor.ts";
import type { EntryId } from "../../../../domain/streams/entry-id.ts";
import { formatNamedCursors } from "../../../../domain/streams/named-cursors.ts";
import { StreamMemory } from "../../../../live/memory/stream-memory.ts";
import type { ParametersOf } from "../../../request/parameters/parameters.ts";
import { openStreams } from "../../../request/pattern-streams.ts";
import {
  cursorTimes,
  type RequestedStreams,
  readRequestedStreams,
  resolveCursors,
  type WantedStream,
} from "../../../request/streams.ts";
import { warnOfTimes } from "../../../request/warning-headers.ts";
import { whenGone } from "../../../response/closing.ts";
import { memoryOf } from "../../../response/memory/response-memory.ts";
import { headerRoom, headersTooLarge } from "../../responses/header-room.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import {
  type AnswerForm,
  answerBytes,
  answerFormOf,
  memoryOfAnswer,
  sendEntries,
} from "./entries-response.ts";
import { type FoundEntries, fitEntries, gapsHeader, maxFitting } from "./fit-entries.ts";
import { expectedBytes, readKnown, readOnce } from "./read-once.ts";

/** Size of a generated entry id and the plus before the next one. */
const CURSOR_BYTES = 16;

/** A stream and its requested cursor. */
interface StreamAtCursor {
  readonly name: string;
  readonly cursor: RequestedCursor;
}

/** Adds the route. */
export function addGetData(app: FastifyInstance, parts: RouteParts): void {
  app.get("/data/:stream_id", (request, reply) => {
    const { segment, parameters } = targetOf(request, "get", parts.config);
    const form = answerFormOf(request, parameters);
    const requested = readRequestedStreams(request.visitor.identity, segment, parameters, parts.config);
    const get: GetRequest = { reply, parameters, form, parts };
    if (requested.pattern !== undefined) return answerPattern(requested, get);
    return answerNamed(requested.named, get);
  });
}

/** A request, with the parts that answer it. */
interface GetRequest {
  readonly reply: FastifyReply;
  readonly parameters: ParametersOf<"get">;
  readonly form: AnswerForm;
  readonly parts: RouteParts;
}

/** Answers a request that names its streams: at once if their entries are in memory. */
function answerNamed(wanted: readonly WantedStream[], get: GetRequest): FastifyReply | Promise<FastifyReply> {
  const { reply, parameters, form, parts } = get;
  const { latest } = parameters;
  const headerBytes = headerRoom(reply, parts.config.maxResponseHeaderBytes);
  const room = headerBytes - CURSOR_BYTES * wanted.length;
  // Fails before any read. The cursors of the response may be longer, so `answer` checks again.
  if (room < 0) throw headersTooLarge(wanted.length);
  const names = wanted.map(({ name }) => name);
  const count = Math.min(
    parameters.count,
    maxFitting(names, { hasOffsets: form.format === "raw", latest, room }),
  );
  const warning = warnOfTimes(reply, parts, cursorTimes(wanted));
  const known = warning === undefined ? readKnown(parts, wanted, count, latest) : undefined;
  if (known === undefined) return answerWhenRead(wanted, count, get, warning);
  known.count();
  reply.repeatable = known;
  return answer(wanted, known, get, headerBytes);
}

async function answerWhenRead(
  wanted: readonly WantedStream[],
  count: number,
  get: GetRequest,
  warning: Promise<void> | undefined,
): Promise<FastifyReply> {
  const { reply, parts, form } = get;
  const { streamReader } = parts.streams;
  await warning;
  const streams = await resolveCursors(wanted, parts.streams.registry);
  const lease = memoryOf(reply, parts.access.memory);
  await lease.grow(memoryOfAnswer(form, expectedBytes(streamReader, streams, count)));
  const found = await readOnce(parts, { ...waitOf(get), streams, count });
  lease.set(memoryOfAnswer(form, answerBytes(found.streams)));
  return answer(streams, found, get);
}

/** Returns the parameters of a wait for entries. */
function waitOf({ reply, parameters: { latest, block: blockMs }, parts }: GetRequest) {
  const { closing, sessions, memory } = parts.access;
  const { visitor } = reply.request;
  return {
    latest,
    blockMs,
    memory: () => memory.answer("answer", visitor),
    streamMemory: () => new StreamMemory(memory.streams(visitor)),
    whenGone: (callback: () => void) => whenGone(reply, closing, callback),
    whenRevoked: (callback: (error: GatewayError) => void) => sessions.whileGood(visitor, callback),
  };
}

function answer(
  streams: readonly StreamAtCursor[],
  found: FoundEntries,
  { reply, parameters: { latest }, form, parts }: GetRequest,
  headerBytes = headerRoom(reply, parts.config.maxResponseHeaderBytes),
): FastifyReply | Promise<FastifyReply> {
  const room = headerBytes - cursorBytes(streams, found);
  const sent = room < 0 ? undefined : fitEntries(found, { hasOffsets: form.format === "raw", latest, room });
  if (sent === undefined) throw headersTooLarge(streams.length);
  const last = new Map(sent.streams.map(({ stream, entries }) => [stream, entries[entries.length - 1]?.id]));
  reply.header("x-last-entry-id", streams.map(({ name, cursor }) => last.get(name) ?? cursor).join("+"));
  if (sent.gaps.length > 0) reply.header("x-gaps", gapsHeader(sent.gaps));
  return sendEntries(reply, sent.streams, form, sendPartsOf(parts));
}

/** Answers a request with a pattern. Its cursors have names; without room for them, they are left out. */
async function answerPattern(requested: RequestedStreams, get: GetRequest): Promise<FastifyReply> {
  const { reply, parameters, form, parts } = get;
  const { latest } = parameters;
  const { streamReader } = parts.streams;
  const { streams, pattern } = await openStreams(requested, reply.request.visitor, parts);
  try {
    const hasOffsets = form.format === "raw";
    const room = headerRoom(reply, parts.config.maxResponseHeaderBytes);
    const names = streams.map(({ name }) => name);
    const max = names.length > 0 ? maxFitting(names, { hasOffsets, latest, room }) : parameters.count;
    const count = Math.min(parameters.count, max);
    const lease = memoryOf(reply, parts.access.memory);
    await lease.grow(memoryOfAnswer(form, expectedBytes(streamReader, streams, count)));
    const cursors = new Map(streams.map(({ name, cursor }) => [name, cursor]));
    const found = await readOnce(parts, { ...waitOf(get), pattern, streams, count });
    lease.set(memoryOfAnswer(form, answerBytes(found.streams)));
    const cursorRoom = hasOffsets ? room / 2 : room;
    const longest = namedCursorsOf(cursors, found);
    const hasCursors = longest.length <= cursorRoom;
    const fit = { hasOffsets, latest, room: hasCursors ? room - longest.length : room };
    const sent = fitEntries(found, fit);
    if (sent === undefined) throw headersTooLarge(streams.length);
    if (hasCursors) reply.header("x-last-entry-id", namedCursorsOf(cursors, sent));
    if (sent.gaps.length > 0) reply.header("x-gaps", gapsHeader(sent.gaps));
    return await sendEntries(reply, sent.streams, form, sendPartsOf(parts));
  } finally {
    pattern?.close();
  }
}

const sendPartsOf = ({ streams: { turnEnd }, access: { memory, turns } }: RouteParts) => ({
  memory,
  workSlices: turns.slices,
  turnEnd,
});

/** Returns the cursors after the entries of a response, with the names of their streams. */
function namedCursorsOf(before: ReadonlyMap<string, EntryId>, { streams }: FoundEntries): string {
  const cursors = new Map(before);
  for (const { stream, entries } of streams) {
    const last = entries.at(-1);
    if (last !== undefined) cursors.set(stream, last.id);
  }
  return formatNamedCursors(cursors);
}

/** Returns the maximum size of `x-last-entry-id`, whichever entries are sent. */
function cursorBytes(streams: readonly StreamAtCursor[], found: FoundEntries): number {
  const longest = new Map(
    found.streams.map(({ stream, entries }) => [
      stream,
      entries.reduce((max, { id }) => Math.max(max, id.length), 0),
    ]),
  );
  return streams.reduce(
    (sum, { name, cursor }) => sum + 1 + Math.max(cursor.length, longest.get(name) ?? 0),
    0,
  );
}
