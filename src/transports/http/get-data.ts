/** `GET /data/{stream_id}`: the next entries after a cursor (wire.md, "HTTP"). */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { WantedCursor } from "../../domain/cursor.ts";
import { readWantedStreams, resolveCursors } from "../read-request.ts";
import { leaveTogether, type RouteParts, targetOf, whenGone } from "./context.ts";
import { type AnswerForm, fitEntries, gapsHeader, readAnswerForm, sendEntries } from "./entries-answer.ts";
import { type ReadOnce, readKnown, readOnce } from "./read-once.ts";

const MOST_BLOCK_MS = 3600 * 1000;

/** Adds the route. */
export function addGetData(app: FastifyInstance, parts: RouteParts): void {
  const { log, limits, closing, turnEnd, sessions } = parts;

  function answer(
    reply: FastifyReply,
    streams: readonly { readonly name: string; readonly cursor: WantedCursor }[],
    { streams: found, gaps }: ReadOnce,
    form: AnswerForm,
    latest: boolean,
  ): FastifyReply {
    const sent = fitEntries(found, form, latest);
    const last = new Map(sent.map(({ stream, entries }) => [stream, entries[entries.length - 1]?.id]));
    reply.header("x-last-entry-id", streams.map(({ name, cursor }) => last.get(name) ?? cursor).join("+"));
    const told = gaps.filter(({ stream }) => last.has(stream));
    if (told.length > 0) reply.header("x-gaps", gapsHeader(told));
    leaveTogether(reply, turnEnd);
    return sendEntries(reply, sent, form);
  }

  app.get("/data/:stream_id", (request, reply) => {
    const { segment, query } = targetOf(request);
    const form = readAnswerForm(request, query);
    const latest = query.flag("latest", false);
    const count = query.whole("count", 1, 1, limits.maxBatchEntries);
    const blockMs = query.whole("block", 500, 0, MOST_BLOCK_MS);
    const wanted = readWantedStreams(request.visitor.identity, segment, query, limits);
    const known = readKnown(parts, wanted, count, latest);
    if (known !== undefined) return answer(reply, wanted, known, form, latest);
    return (async () => {
      const streams = await resolveCursors(wanted, log);
      const found = await readOnce(parts, {
        streams,
        count,
        latest,
        blockMs,
        whenGone: (callback) => whenGone(reply, closing, callback),
        whenBarred: (callback) => sessions.whileGood(request.visitor, callback),
      });
      return answer(reply, streams, found, form, latest);
    })();
  });
}
