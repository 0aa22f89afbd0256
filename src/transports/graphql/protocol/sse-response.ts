/** A response of events to one client, that says when the client has taken what was sent. */
import type { FastifyReply } from "fastify";
import type { Session } from "../../../access/sessions.ts";
import { encodeSse, SSE_HEARTBEAT } from "../../../wire/sse.ts";
import { errorBody } from "../../response/append-results.ts";
import { whenGone } from "../../response/closing.ts";
import { createUnreadMemory } from "../../response/unread-memory.ts";
import type { GraphqlParts } from "../execution/context.ts";

/** An open response. */
export interface EventResponse {
  readonly session: Session;
  /** Sends an event, and resolves when the client can take more, or is gone. */
  send(event: string, data: string): Promise<void>;
  /** Ends it, with a last event where there is one. */
  end(event?: string): void;
}

/** Opens the response. @param onGone called once, when the client is gone or the gateway stops, unless it has ended */
export function openEvents(
  reply: FastifyReply,
  { limits, closing, counters, sessions, limiting, memory }: GraphqlParts,
  onGone: () => void,
): EventResponse {
  const { raw, request } = reply;
  limiting.checkConnection(request.visitor);
  const session = sessions.open(request.visitor, "graphql", (error) => {
    finish(encodeSse({ event: "error", data: JSON.stringify(errorBody(error)) }));
    onGone();
  });
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // Proxies such as nginx would collect the answer before they pass it on.
    "x-accel-buffering": "no",
  });
  // Some browsers show a response only when something of its body has come.
  raw.write(SSE_HEARTBEAT);
  const beating = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(SSE_HEARTBEAT);
  }, limits.heartbeatMs);
  const unread = createUnreadMemory(() => memory.answer("unread", request.visitor));
  const release = whenGone(reply, closing, () => {
    sessions.forget(session);
    onGone();
  });

  /** Ends it once, with a last event or without: whoever is told that it ends may want to end it as well. */
  function finish(text?: string): void {
    clearInterval(beating);
    release();
    sessions.forget(session);
    if (!raw.writableEnded) raw.end(text);
  }

  return {
    session,
    send(event, data) {
      const text = encodeSse({ event, data });
      counters.bytesSent += Buffer.byteLength(text);
      if (raw.destroyed || raw.writableEnded || raw.write(text)) return Promise.resolve();
      unread.hold(raw.writableLength, []);
      return new Promise((resolve) => {
        const done = () => {
          unread.clear();
          raw.off("drain", done);
          raw.off("close", done);
          resolve();
        };
        raw.on("drain", done);
        raw.on("close", done);
      });
    },
    end(event) {
      finish(event === undefined ? undefined : encodeSse({ event, data: "" }));
    },
  };
}
