/** Response of server-sent events to one client, with backpressure. */
import type { FastifyReply } from "fastify";
import type { Session } from "../../../access/sessions.ts";
import type { Pieces } from "../../../wire/pieces.ts";
import { encodeSse, encodeSseLine, SSE_HEARTBEAT } from "../../../wire/sse.ts";
import { whenGone } from "../../response/closing.ts";
import { errorBody } from "../../response/errors/append-results.ts";
import { createUnreadMemory } from "../../response/memory/unread-memory.ts";
import { sendStreamedHead, UNBUFFERED } from "../../response/streamed-head.ts";
import type { GraphqlParts } from "../execution/context.ts";

/** Open response of events. */
export interface EventResponse {
  readonly session: Session;
  /** Sends an event of one line; resolves when the client can receive more or has disconnected. */
  send(event: string, data: string | Pieces): Promise<void>;
  /** Ends the response. @param event name of a last event */
  end(event?: string): void;
}

/** Opens the response. @param onGone called when the client disconnects or the gateway shuts down before `end` */
export function openEvents(
  reply: FastifyReply,
  { access, observe: { counters }, config }: GraphqlParts,
  onGone: () => void,
): EventResponse {
  const { raw, request } = reply;
  const { closing, limits, memory, sessions } = access;
  limits.checkConnection(request.visitor);
  const session = sessions.open(request.visitor, "graphql", (error) => {
    finish(encodeSse({ event: "error", data: JSON.stringify(errorBody(error)) }));
    onGone();
  });
  sendStreamedHead(reply, "text/event-stream; charset=utf-8", UNBUFFERED);
  // Some browsers report the response as open only after they have received a part of the body.
  raw.write(SSE_HEARTBEAT);
  const beating = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(SSE_HEARTBEAT);
  }, config.heartbeatMs);
  const unread = createUnreadMemory(() => memory.answer("unread", request.visitor));
  const release = whenGone(reply, closing, () => {
    sessions.forget(session);
    onGone();
  });

  /** Ends the response. Safe to call again, since handlers of `onGone` may end it as well. */
  function finish(text?: string): void {
    clearInterval(beating);
    release();
    sessions.forget(session);
    if (!raw.writableEnded) raw.end(text);
  }

  return {
    session,
    send(event, data) {
      if (raw.destroyed || raw.writableEnded) return Promise.resolve();
      const parts = typeof data === "string" ? [encodeSse({ event, data })] : encodeSseLine(event, data);
      let wantsMore = true;
      // Not corked: since Node 22, `uncork` may emit "drain" before the listener below is added.
      for (const part of parts) {
        counters.bytesSent += Buffer.byteLength(part);
        wantsMore = raw.write(part);
      }
      if (wantsMore) return Promise.resolve();
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
