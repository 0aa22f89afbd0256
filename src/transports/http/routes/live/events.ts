/**
 * `GET /data/{stream_id}/events`: entries as server-sent events (docs/protocol.md, "Server-sent events"). An event id is the
 * cursor after the event, so that a browser that reconnects with `Last-Event-ID` misses no entry.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { gapOf } from "../../../../wire/notices/gap-notice.ts";
import { statusOf } from "../../../../wire/notices/status-notice.ts";
import { encodeSse, encodeSseRetry } from "../../../../wire/sse.ts";
import type { ParametersOf } from "../../../request/parameters/parameters.ts";
import { type OpenStreams, openStreams } from "../../../request/pattern-streams.ts";
import { readPlayback } from "../../../request/playback.ts";
import { cursorTimes, readRequestedStreams } from "../../../request/streams.ts";
import { warnOfTimes } from "../../../request/warning-headers.ts";
import { EVENTS_TYPE, errorEvent, HEARTBEAT, jsonEvent } from "../../../response/event-chunks.ts";
import { type Chunks, textChunks } from "../../../response/memory/chunks.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import { EventCursors } from "./event-cursors.ts";
import { PatternEncoder, severalEncoder, singleEncoder } from "./event-encoders.ts";
import { sendLive } from "./event-stream.ts";

const RECONNECT_MS = 1000;

/** Adds the route. */
export function addEvents(app: FastifyInstance, parts: RouteParts): void {
  const { config } = parts;
  app.get("/data/:stream_id/events", async (request, reply) => {
    const { segment, parameters } = targetOf(request, "events", config);
    const { format: form, latest, status: wantsStatus } = parameters;
    const { identity } = request.visitor;
    const resumed = { ...parameters, last_entry_id: cursorOf(request, parameters) };
    const requested = readRequestedStreams(identity, segment, resumed, config);
    const playback = readPlayback(parameters);
    await warnOfTimes(reply, parts, cursorTimes(requested.named, playback));
    const opened = await openStreams(requested, request.visitor, parts, playback);
    const cursors = cursorsOf(opened, config);
    const pattern = opened.pattern && new PatternEncoder(form, cursors);
    const opening = encodeSse({ id: cursors.text });
    sendLive(
      reply,
      {
        kind: "events",
        contentType: EVENTS_TYPE,
        opened,
        encoder:
          pattern ?? (opened.streams.length === 1 ? singleEncoder(form) : severalEncoder(form, cursors)),
        ...(pattern &&
          parameters.joins && {
            patternNotices: {
              joined: (name, isFull) => pattern.joined(name, isFull),
              left: (name, isFull) => pattern.left(name, isFull),
              limit: (name) => limitEvent(name, config.maxStreams),
            },
          }),
        ...(latest && { onDemand: { count: 1, latest } }),
        ...(playback && { playback: { latest, ...playback, ...(latest && { count: 1 }) } }),
        stateNotice: (state) => jsonEvent("state", state),
        // Sends the cursor first, so that a browser that loses the connection before the first entry resumes from it.
        opening: textChunks(encodeSseRetry(RECONNECT_MS) + opening),
        heartbeat: HEARTBEAT,
        statusNotice: (since) => textChunks((wantsStatus ? statusEvent(since) : "") + statusComment(since)),
        // No id, because the cursor does not change.
        gapNotice: (gap) => jsonEvent("gap", gapOf(gap).gap),
        farewell: errorEvent,
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

/** Returns the cursors of an event id. @throws GatewayError BAD_PARAMETER if they are too long */
function cursorsOf(
  { streams, pattern }: OpenStreams,
  { maxHeaderBytes }: RouteParts["config"],
): EventCursors {
  try {
    return new EventCursors(streams, { isNamed: pattern !== undefined, maxHeaderBytes });
  } catch (error) {
    pattern?.close();
    throw error;
  }
}

/** An SSE comment: clients ignore it, but users of `curl` see it. */
const statusComment = (since: Date | undefined): string =>
  since === undefined
    ? ": Redis answers again\n\n"
    : `: Redis has not answered since ${since.toISOString()}\n\n`;

/** No id, because the cursor does not change. */
const limitEvent = (stream: string, maxStreams: number): Chunks =>
  jsonEvent("state", { limit: { stream_id: stream, max_streams: maxStreams } });

/** No id, because the cursor does not change. */
const statusEvent = (since: Date | undefined): string =>
  encodeSse({ event: "state", data: JSON.stringify(statusOf(since).status) });
