/** `GET /data/{stream_id}/entries`: pages through a stream's history by time or id (docs/protocol.md, "History"). */
import type { FastifyInstance } from "fastify";
import { parseBound } from "../../../domain/cursor.ts";
import { type EntryId, LAST_ID } from "../../../domain/entry-id.ts";
import { badParameter } from "../../../domain/errors.ts";
import { readWantedStreams } from "../../request/streams.ts";
import { countOut } from "../../response/entries-sent.ts";
import { memoryOf } from "../answers-memory.ts";
import { headerRoom, headersTooLarge } from "../header-room.ts";
import { warnOfTimes } from "../request-warnings.ts";
import { type RouteParts, targetOf } from "../route.ts";
import { answerBytes, answerFormOf, memoryOfAnswer, sendEntries } from "./entries-response.ts";
import { fitEntries, mostFitting } from "./fit-entries.ts";

/** Adds the route. */
export function addHistoryRange(app: FastifyInstance, parts: RouteParts): void {
  const {
    streams: { streamReader },
    access: { memory },
    observe: { streamClasses },
    config,
  } = parts;
  app.get("/data/:stream_id/entries", async (request, reply) => {
    const { segment, parameters } = targetOf(request, "entries", config);
    const { reverse } = parameters;
    const form = answerFormOf(request, parameters);
    const all = { ...parameters, last_entry_id: "0" };
    const [stream, ...others] = readWantedStreams(request.visitor.identity, segment, all, config);
    if (stream === undefined || others.length > 0)
      throw badParameter("stream_id", `must name one stream, got ${others.length + 1}`);
    const linkTo = (last: EntryId) =>
      `<${config.pathPrefix}${nextPage(request.raw.url ?? "/", last, reverse)}>; rel="next"`;
    const headersRoom = headerRoom(reply, config.maxResponseHeaderBytes);
    const room = headersRoom - linkTo(LAST_ID).length - LAST_ID.length;
    const fit = { hasOffsets: form.format === "raw", latest: false, room };
    const start = parseBound("start", parameters.start);
    const end = parseBound("end", parameters.end);
    await warnOfTimes(reply, parts, [
      { parameter: "start", id: start, key: stream.key },
      { parameter: "end", id: end, key: stream.key },
    ]);
    const count = Math.min(parameters.count, mostFitting([stream.name], fit));
    const lease = memoryOf(reply, memory);
    await lease.grow(memoryOfAnswer(form, streamReader.expectedBytes(stream.key, count)));
    const { entries, isCut } = await streamReader.readRange(stream.key, {
      start,
      end,
      count,
      reverse,
    });
    lease.set(memoryOfAnswer(form, answerBytes([{ stream: stream.name, entries }])));
    const found = { streams: entries.length > 0 ? [{ stream: stream.name, entries }] : [], gaps: [] };
    const sent = room < 0 ? undefined : fitEntries(found, fit)?.streams;
    if (sent === undefined) throw headersTooLarge(1);
    const shown = sent[0]?.entries ?? [];
    countOut(streamClasses, stream.key, shown);
    const last = shown[shown.length - 1];
    if (last !== undefined) reply.header("x-last-entry-id", last.id);
    if (last !== undefined && (shown.length < entries.length || isCut)) reply.header("link", linkTo(last.id));
    return sendEntries(reply, sent, form, { memory });
  });
}

function nextPage(url: string, last: EntryId, reverse: boolean): string {
  const next = new URL(url, "http://gateway");
  // A ticket is valid once and has been used by this request.
  next.searchParams.delete("ticket");
  next.searchParams.set(reverse ? "end" : "start", `(${last}`);
  return next.pathname + next.search;
}
