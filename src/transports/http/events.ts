/**
 * `GET /data/{stream_id}/events`: entries as server-sent events. The id of an event is the cursor behind it, so that a
 * browser that reconnects by itself, with `Last-Event-ID`, goes on without a gap.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Entry, StreamEntries } from "../../domain/entry.ts";
import type { Encoder } from "../../live/sink.ts";
import type { SubscribedStream } from "../../live/subscription.ts";
import { encodeBase64 } from "../../wire/base64.ts";
import { encodeJsonEntry, gapOf } from "../../wire/json.ts";
import { encodeSse, encodeSseRetry, eventNameOf, SSE_HEARTBEAT } from "../../wire/sse.ts";
import { statusOf } from "../../wire/status.ts";
import { lossyTextOf } from "../../wire/utf8.ts";
import { errorBody } from "../append-results.ts";
import type { Chunks } from "../byte-sink.ts";
import type { Query } from "../query.ts";
import { cursorTimes, readWantedStreams, resolveCursors } from "../read-request.ts";
import { type RouteParts, targetOf } from "./context.ts";
import { sendLive, textChunks } from "./live-response.ts";
import { warnOfTimes } from "./request-warnings.ts";

type DataForm = "text" | "json" | "base64";

const RECONNECT_MS = 1000;

/** Adds the route. */
export function addEvents(app: FastifyInstance, parts: RouteParts): void {
  const { log, limits } = parts;
  app.get("/data/:stream_id/events", async (request, reply) => {
    const { segment, query } = targetOf(request);
    const form = query.choice("format", "text", ["text", "json", "base64"]);
    const latest = query.flag("latest", false);
    const wantsStatus = query.flag("status", false);
    const cursor = resumedCursor(request, query) ?? query.text("last_entry_id", "$");
    const wanted = readWantedStreams(request.visitor.identity, segment, query, limits, cursor);
    await warnOfTimes(reply, parts, cursorTimes(wanted));
    const streams = await resolveCursors(wanted, log);
    const opening = encodeSse({ id: streams.map((stream) => stream.cursor).join("+") });
    sendLive(
      reply,
      {
        kind: "events",
        contentType: "text/event-stream; charset=utf-8",
        streams,
        encoder: streams.length === 1 ? singleEncoder(form) : severalEncoder(form, streams),
        ...(latest && { turns: { count: 1, latest } }),
        // The cursor first: a browser that loses the connection before the first entry resumes where "now" was.
        opening: textChunks(encodeSseRetry(RECONNECT_MS) + opening),
        heartbeat: textChunks(SSE_HEARTBEAT),
        statusNotice: (since) => textChunks((wantsStatus ? statusEvent(since) : "") + statusComment(since)),
        // Without an id: the cursor does not move.
        gapNotice: (gap) => textChunks(encodeSse({ event: "gap", data: JSON.stringify(gapOf(gap).gap) })),
        farewell: (error) =>
          textChunks(encodeSse({ event: "error", data: JSON.stringify(errorBody(error)) })),
      },
      parts,
    );
  });
}

/**
 * The cursor that a client reconnects with. Browsers send the header; polyfills that set headers of their own, such as
 * event-source-polyfill, cannot, and add a query parameter. The header takes precedence.
 */
function resumedCursor({ headers }: FastifyRequest, query: Query): string | undefined {
  const header = headers["last-event-id"];
  const resumed = typeof header === "string" && header !== "" ? header : query.text("lastEventId", "");
  return resumed === "" ? undefined : resumed;
}

/** Clients do not see it, people who look at the answer do. */
const statusComment = (since: Date | undefined): string =>
  since === undefined
    ? ": Redis answers again\n\n"
    : `: Redis has not answered since ${since.toISOString()}\n\n`;

/** Without an id: the cursor does not move. */
const statusEvent = (since: Date | undefined): string =>
  encodeSse({ event: "state", data: JSON.stringify(statusOf(since).status) });

function singleEncoder(form: DataForm): Encoder<Chunks> {
  return {
    form: `sse ${form}`,
    encode: (streams) =>
      eventsOf(streams, (stream, entry) => encodeSse({ id: entry.id, data: dataOf(form, stream, entry) })),
  };
}

/** Of several streams the id is all their cursors, so each connection has events of its own. */
function severalEncoder(form: DataForm, streams: readonly SubscribedStream[]): Encoder<Chunks> {
  const cursors = new Map(streams.map(({ name, cursor }) => [name, cursor]));
  const names = new Map(streams.map(({ name }) => [name, eventNameOf(name)]));
  return {
    encode: (batch) =>
      eventsOf(batch, (stream, entry) => {
        cursors.set(stream, entry.id);
        const id = [...cursors.values()].join("+");
        return encodeSse({ id, event: names.get(stream) ?? stream, data: dataOf(form, stream, entry) });
      }),
  };
}

function eventsOf(
  streams: readonly StreamEntries[],
  eventOf: (stream: string, entry: Entry) => string,
): Chunks {
  return textChunks(
    streams.flatMap(({ stream, entries }) => entries.map((entry) => eventOf(stream, entry))).join(""),
  );
}

function dataOf(form: DataForm, stream: string, entry: Entry): string {
  switch (form) {
    case "text":
      return lossyTextOf(entry.data);
    case "base64":
      return encodeBase64(entry.data);
    case "json":
      return encodeJsonEntry(stream, entry);
    default:
      return form satisfies never;
  }
}
