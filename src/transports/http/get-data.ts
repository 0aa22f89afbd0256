/** `GET /data/{stream_id}`: the next entries after a cursor (wire.md, "HTTP"). */
import type { FastifyInstance } from "fastify";
import { readWantedStreams, resolveCursors } from "../read-request.ts";
import { type RouteParts, targetOf, whenGone } from "./context.ts";
import { fitEntries, readAnswerForm, sendEntries } from "./entries-answer.ts";
import { readOnce } from "./read-once.ts";

const MOST_BLOCK_MS = 3600 * 1000;

/** Adds the route. */
export function addGetData(app: FastifyInstance, parts: RouteParts): void {
  const { log, limits, closing } = parts;
  app.get("/data/:stream_id", async (request, reply) => {
    const { segment, query } = targetOf(request);
    const form = readAnswerForm(request, query);
    const latest = query.flag("latest", false);
    const count = query.whole("count", 1, 1, limits.maxBatchEntries);
    const blockMs = query.whole("block", 500, 0, MOST_BLOCK_MS);
    const streams = await resolveCursors(
      readWantedStreams(request.visitor.identity, segment, query, limits),
      log,
    );
    const found = await readOnce(parts, {
      streams,
      count,
      latest,
      blockMs,
      whenGone: (callback) => whenGone(reply, closing, callback),
    });
    const sent = fitEntries(found, form, latest);
    const last = new Map(sent.map(({ stream, entries }) => [stream, entries[entries.length - 1]?.id]));
    reply.header("x-last-entry-id", streams.map(({ name, cursor }) => last.get(name) ?? cursor).join("+"));
    return sendEntries(reply, sent, form);
  });
}
