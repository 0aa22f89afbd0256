/**
 * `GET /data/{stream_id}`: the next entries after a cursor (docs/protocol.md, "GET entries"). A request that a client repeats
 * may be answered before it reaches this route (`repeated-responses.ts`).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { RequestedCursor } from "../../../../domain/streams/cursor.ts";
import type { EntryId } from "../../../../domain/streams/entry-id.ts";
import { formatNamedCursors } from "../../../../domain/streams/named-cursors.ts";
import type { ParametersOf } from "../../../request/parameters.ts";
import { openStreams } from "../../../request/pattern-streams.ts";
import {
  cursorTimes,
  type RequestedStreams,
  readRequestedStreams,
  resolveCursors,
} from "../../../request/streams.ts";
import { whenGone } from "../../../response/closing.ts";
import { memoryOf } from "../../../response/response-memory.ts";
import { headerRoom, headersTooLarge } from "../../responses/header-room.ts";
import { warnOfTimes } from "../../responses/request-warnings.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import {
  type AnswerForm,
  answerBytes,
  answerFormOf,
  memoryOfAnswer,
  sendEntries,
} from "./entries-response.ts";
import { type FoundEntries, fitEntries, gapsHeader, mostFitting } from "./fit-entries.ts";
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
  const {
    streams: { streamReader, turnEnd },
    access: { closing, sessions, memory, turns },
    config,
  } = parts;

  function answer(
    reply: FastifyReply,
    streams: readonly StreamAtCursor[],
    found: FoundEntries,
    form: AnswerForm,
    latest: boolean,
    headerBytes = headerRoom(reply, config.maxResponseHeaderBytes),
  ): FastifyReply | Promise<FastifyReply> {
    const room = headerBytes - cursorBytes(streams, found);
    const sent =
      room < 0 ? undefined : fitEntries(found, { hasOffsets: form.format === "raw", latest, room });
    if (sent === undefined) throw headersTooLarge(streams.length);
    const last = new Map(
      sent.streams.map(({ stream, entries }) => [stream, entries[entries.length - 1]?.id]),
    );
    reply.header("x-last-entry-id", streams.map(({ name, cursor }) => last.get(name) ?? cursor).join("+"));
    if (sent.gaps.length > 0) reply.header("x-gaps", gapsHeader(sent.gaps));
    return sendEntries(reply, sent.streams, form, { memory, workSlices: turns.slices, turnEnd });
  }

  /** Answers a request with a pattern. Its cursors have names; without room for them, they are left out. */
  async function answerPattern(
    request: FastifyRequest,
    reply: FastifyReply,
    requested: RequestedStreams,
    { form, parameters }: { readonly form: AnswerForm; readonly parameters: ParametersOf<"get"> },
  ): Promise<FastifyReply> {
    const { identity } = request.visitor;
    const { latest, block: blockMs } = parameters;
    const opened = await openStreams(requested, identity, parts);
    const { streams, pattern } = opened;
    try {
      const hasOffsets = form.format === "raw";
      const room = headerRoom(reply, config.maxResponseHeaderBytes);
      const names = streams.map(({ name }) => name);
      const most = names.length > 0 ? mostFitting(names, { hasOffsets, latest, room }) : parameters.count;
      const count = Math.min(parameters.count, most);
      const lease = memoryOf(reply, memory);
      await lease.grow(memoryOfAnswer(form, expectedBytes(streamReader, streams, count)));
      const cursors = new Map(streams.map(({ name, cursor }) => [name, cursor]));
      const found = await readOnce(parts, {
        ...{ pattern, streams, count, latest, blockMs },
        memory: () => memory.answer("answer", request.visitor),
        whenGone: (callback) => whenGone(reply, closing, callback),
        whenRevoked: (callback) => sessions.whileGood(request.visitor, callback),
      });
      lease.set(memoryOfAnswer(form, answerBytes(found.streams)));
      const cursorRoom = hasOffsets ? room / 2 : room;
      const longest = namedCursorsOf(cursors, found);
      const hasCursors = longest.length <= cursorRoom;
      const fit = { hasOffsets, latest, room: hasCursors ? room - longest.length : room };
      const sent = fitEntries(found, fit);
      if (sent === undefined) throw headersTooLarge(streams.length);
      if (hasCursors) reply.header("x-last-entry-id", namedCursorsOf(cursors, sent));
      if (sent.gaps.length > 0) reply.header("x-gaps", gapsHeader(sent.gaps));
      return await sendEntries(reply, sent.streams, form, { memory, workSlices: turns.slices, turnEnd });
    } finally {
      pattern?.close();
    }
  }

  app.get("/data/:stream_id", (request, reply) => {
    const { segment, parameters } = targetOf(request, "get", config);
    const { latest, block: blockMs } = parameters;
    const form = answerFormOf(request, parameters);
    const requested = readRequestedStreams(request.visitor.identity, segment, parameters, config);
    const { named: wanted, pattern } = requested;
    if (pattern !== undefined) return answerPattern(request, reply, requested, { form, parameters });
    const headerBytes = headerRoom(reply, config.maxResponseHeaderBytes);
    const room = headerBytes - CURSOR_BYTES * wanted.length;
    // Fails before any read. The cursors of the response may be longer, so `answer` checks again.
    if (room < 0) throw headersTooLarge(wanted.length);
    const names = wanted.map(({ name }) => name);
    const count = Math.min(
      parameters.count,
      mostFitting(names, { hasOffsets: form.format === "raw", latest, room }),
    );
    const warning = warnOfTimes(reply, parts, cursorTimes(wanted));
    const known = warning === undefined ? readKnown(parts, wanted, count, latest) : undefined;
    if (known !== undefined) {
      known.count();
      reply.repeatable = known;
      return answer(reply, wanted, known, form, latest, headerBytes);
    }
    return (async () => {
      await warning;
      const streams = await resolveCursors(wanted, streamReader);
      const lease = memoryOf(reply, memory);
      await lease.grow(memoryOfAnswer(form, expectedBytes(streamReader, streams, count)));
      const found = await readOnce(parts, {
        memory: () => memory.answer("answer", request.visitor),
        streams,
        count,
        latest,
        blockMs,
        whenGone: (callback) => whenGone(reply, closing, callback),
        whenRevoked: (callback) => sessions.whileGood(request.visitor, callback),
      });
      lease.set(memoryOfAnswer(form, answerBytes(found.streams)));
      return answer(reply, streams, found, form, latest);
    })();
  });
}

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
      entries.reduce((most, { id }) => Math.max(most, id.length), 0),
    ]),
  );
  return streams.reduce(
    (sum, { name, cursor }) => sum + 1 + Math.max(cursor.length, longest.get(name) ?? 0),
    0,
  );
}
