/**
 * `GET /data/{stream_id}/events`: entries as server-sent events (docs/protocol.md, "Server-sent events"). An event id is the
 * cursor after the event, so that a browser that reconnects with `Last-Event-ID` misses no entry.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Entry, StreamEntries } from "../../../domain/entry.ts";
import type { Encoder } from "../../../live/sink.ts";
import type { SubscribedStream } from "../../../live/subscription.ts";
import { EVENT_FORMATS, type EventFormat } from "../../../wire/formats.ts";
import { gapOf } from "../../../wire/gap.ts";
import { encodeSse, encodeSseRetry, eventNameOf, SSE_HEARTBEAT } from "../../../wire/sse.ts";
import { statusOf } from "../../../wire/status.ts";
import type { ParametersOf } from "../../request/parameters.ts";
import { cursorTimes, readWantedStreams, resolveCursors } from "../../request/streams.ts";
import { errorBody } from "../../response/append-results.ts";
import type { Chunks } from "../../response/byte-sink.ts";
import { sendLive, textChunks } from "../../response/event-stream.ts";
import { warnOfTimes } from "../request-warnings.ts";
import { type RouteParts, targetOf } from "../route.ts";

const RECONNECT_MS = 1000;

/** Adds the route. */
export function addEvents(app: FastifyInstance, parts: RouteParts): void {
  const {
    streams: { streamReader },
    config,
  } = parts;
  app.get("/data/:stream_id/events", async (request, reply) => {
    const { segment, parameters } = targetOf(request, "events", config);
    const { format: form, latest, status: wantsStatus } = parameters;
    const resumed = { ...parameters, last_entry_id: cursorOf(request, parameters) };
    const wanted = readWantedStreams(request.visitor.identity, segment, resumed, config);
    await warnOfTimes(reply, parts, cursorTimes(wanted));
    const streams = await resolveCursors(wanted, streamReader);
    const opening = encodeSse({ id: streams.map((stream) => stream.cursor).join("+") });
    sendLive(
      reply,
      {
        kind: "events",
        contentType: "text/event-stream; charset=utf-8",
        streams,
        encoder: streams.length === 1 ? singleEncoder(form) : severalEncoder(form, streams),
        ...(latest && { onDemand: { count: 1, latest } }),
        // Sends the cursor first, so that a browser that loses the connection before the first entry resumes from it.
        opening: textChunks(encodeSseRetry(RECONNECT_MS) + opening),
        heartbeat: textChunks(SSE_HEARTBEAT),
        statusNotice: (since) => textChunks((wantsStatus ? statusEvent(since) : "") + statusComment(since)),
        // No id, because the cursor does not change.
        gapNotice: (gap) => textChunks(encodeSse({ event: "gap", data: JSON.stringify(gapOf(gap).gap) })),
        farewell: (error) =>
          textChunks(encodeSse({ event: "error", data: JSON.stringify(errorBody(error)) })),
      },
      parts,
    );
  });
}

/**
 * Returns the cursor to read from. A reconnecting browser sends the header `Last-Event-ID`. Polyfills with custom headers,
 * such as event-source-polyfill, send a query parameter instead. The header takes precedence.
 */
function cursorOf(
  { headers }: FastifyRequest,
  { lastEventId, last_entry_id }: Pick<ParametersOf<"events">, "lastEventId" | "last_entry_id">,
): string {
  const header = headers["last-event-id"];
  return (typeof header === "string" && header) || lastEventId || last_entry_id;
}

/** An SSE comment: clients ignore it, but users of `curl` see it. */
const statusComment = (since: Date | undefined): string =>
  since === undefined
    ? ": Redis answers again\n\n"
    : `: Redis has not answered since ${since.toISOString()}\n\n`;

/** No id, because the cursor does not change. */
const statusEvent = (since: Date | undefined): string =>
  encodeSse({ event: "state", data: JSON.stringify(statusOf(since).status) });

function singleEncoder(form: EventFormat): Encoder<Chunks> {
  return {
    form: `sse ${form}`,
    encode: (streams) =>
      eventsOf(streams, (stream, entry) =>
        encodeSse({ id: entry.id, data: EVENT_FORMATS[form](stream, entry) }),
      ),
  };
}

/** For several streams an event id contains all of their cursors, so events cannot be shared by connections. */
function severalEncoder(form: EventFormat, streams: readonly SubscribedStream[]): Encoder<Chunks> {
  const cursors = new Map(streams.map(({ name, cursor }) => [name, cursor]));
  const names = new Map(streams.map(({ name }) => [name, eventNameOf(name)]));
  return {
    encode: (batch) =>
      eventsOf(batch, (stream, entry) => {
        cursors.set(stream, entry.id);
        const id = [...cursors.values()].join("+");
        return encodeSse({
          id,
          event: names.get(stream) ?? stream,
          data: EVENT_FORMATS[form](stream, entry),
        });
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
