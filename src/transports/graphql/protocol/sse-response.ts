/** Response of server-sent events to one client, with backpressure. */
import type { FastifyReply } from "fastify";
import type { Session } from "../../../access/sessions.ts";
import type { Pieces } from "../../../wire/pieces.ts";
import { encodeSse, encodeSseLine } from "../../../wire/sse.ts";
import { EVENTS_TYPE, errorEvent, HEARTBEAT } from "../../response/event-chunks.ts";
import { chunksOf, textChunks } from "../../response/memory/chunks.ts";
import { OpenResponse } from "../../response/open-response.ts";
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
export function openEvents(reply: FastifyReply, parts: GraphqlParts, onGone: () => void): EventResponse {
  const { raw, request } = reply;
  parts.access.limits.checkConnection(request.visitor);
  const response = new OpenResponse(
    reply,
    {
      kind: "graphql",
      contentType: EVENTS_TYPE,
      heartbeat: () => (raw.writableNeedDrain ? undefined : HEARTBEAT),
      onGone,
      onError(error) {
        response.end(errorEvent(error));
        onGone();
      },
    },
    parts,
  );
  const { sink, session } = response;
  // Some browsers report the response as open only after they have received a part of the body.
  sink.write(HEARTBEAT);
  sink.flush();
  return {
    session,
    send(event, data) {
      if (raw.destroyed || raw.writableEnded) return Promise.resolve();
      sink.write(
        typeof data === "string"
          ? textChunks(encodeSse({ event, data }))
          : chunksOf(encodeSseLine(event, data)),
      );
      sink.flush();
      return raw.writableNeedDrain ? untilDrained(raw) : Promise.resolve();
    },
    end: (event) =>
      response.end(event === undefined ? undefined : textChunks(encodeSse({ event, data: "" }))),
  };
}

/** Resolves when the client can receive more, or has disconnected. */
function untilDrained(raw: FastifyReply["raw"]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      raw.off("drain", done);
      raw.off("close", done);
      resolve();
    };
    raw.on("drain", done);
    raw.on("close", done);
  });
}
