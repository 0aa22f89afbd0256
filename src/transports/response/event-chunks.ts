/** Server-sent events as bytes of a response (docs/protocol.md, "Server-sent events"). */
import type { GatewayError } from "../../domain/errors.ts";
import { encodeSse, SSE_HEARTBEAT } from "../../wire/sse.ts";
import { errorBody } from "./errors/append-results.ts";
import { type Chunks, textChunks } from "./memory/chunks.ts";

/** Media type of a response of events. */
export const EVENTS_TYPE = "text/event-stream; charset=utf-8";

/** A comment that keeps proxies from closing an idle connection. */
export const HEARTBEAT: Chunks = textChunks(SSE_HEARTBEAT);

/** Encodes an event with a JSON value. */
export const jsonEvent = (event: string, value: object): Chunks =>
  textChunks(encodeSse({ event, data: JSON.stringify(value) }));

/** Encodes the last event of a response that fails. */
export const errorEvent = (error: GatewayError): Chunks => jsonEvent("error", errorBody(error));
