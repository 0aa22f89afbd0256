/**
 * Responses that stay open and are written when something happens: entries, pictures, and results of GraphQL operations. They
 * share the session, the head, the heartbeat, and their end.
 */
import type { FastifyReply } from "fastify";
import type { Session, SessionKind } from "../../access/sessions.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { TransportParts } from "../parts.ts";
import type { ByteSink } from "./byte-sink.ts";
import { createClientSink } from "./client-sink.ts";
import { whenGone } from "./closing.ts";
import type { Chunks } from "./memory/chunks.ts";
import { sendStreamedHead, UNBUFFERED } from "./streamed-head.ts";

/** Options of an open response. */
export interface OpenResponseOptions {
  readonly kind: SessionKind;
  readonly contentType: string;
  /** Returns the bytes that are sent every `HEARTBEAT_MS` while the client reads; undefined for none. */
  readonly heartbeat: () => Chunks | undefined;
  /** The client disconnected, or the gateway stops. Call `end`. */
  readonly onGone: () => void;
  /** The client may no longer receive the response. Call `end`. */
  readonly onError: (error: GatewayError) => void;
}

/** A response in progress. */
export class OpenResponse {
  readonly session: Session;
  readonly sink: ByteSink;
  readonly #reply: FastifyReply;
  readonly #sessions: TransportParts["access"]["sessions"];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #release: () => void;

  /**
   * Sends the head.
   *
   * @param readKeys keys of the streams that the client reads
   * @throws GatewayError FORBIDDEN
   */
  constructor(
    reply: FastifyReply,
    { kind, contentType, heartbeat, onGone, onError }: OpenResponseOptions,
    parts: TransportParts,
    readKeys: readonly string[] = [],
  ) {
    const { access, config } = parts;
    const { visitor } = reply.request;
    this.#reply = reply;
    this.#sessions = access.sessions;
    this.session = access.sessions.open(visitor, kind, reply.request.raw.socket, onError);
    if (readKeys.length > 0) access.sessions.use(this.session, "read", readKeys);
    sendStreamedHead(reply, contentType, UNBUFFERED);
    const sink = createClientSink(reply.raw, visitor, parts);
    this.sink = sink;
    this.#heartbeat = setInterval(() => {
      const due = heartbeat();
      if (due !== undefined && !sink.isFull()) sink.write(due);
    }, config.heartbeatMs);
    this.#release = whenGone(reply, access.closing, () => {
      this.#sessions.forget(this.session);
      onGone();
    });
  }

  /** Delays the next heartbeat. */
  delayHeartbeat(): void {
    this.#heartbeat.refresh();
  }

  /** Ends the response. Idempotent. @param last last bytes */
  end(last?: Chunks): void {
    const { raw } = this.#reply;
    clearInterval(this.#heartbeat);
    this.#release();
    this.#sessions.forget(this.session);
    if (raw.writableEnded) return;
    if (last !== undefined) this.sink.write(last);
    this.sink.flush();
    raw.end();
  }
}
