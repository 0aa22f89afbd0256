/**
 * Route `/graphql` over a WebSocket. The protocol is implemented by `graphql-ws`, on a socket whose `send` applies
 * backpressure: no entries are read for a subscription whose client does not read. Messages of the legacy protocol are
 * translated (`legacy-protocol.ts`).
 *
 * The payload of a ping may carry a fresh token before the current token of the connection expires:
 * `{"type": "ping", "payload": {"token": "…"}}`.
 */
import type { Socket } from "node:net";
import { makeServer } from "graphql-ws";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Session } from "../../../access/sessions.ts";
import { checkJsonBounds } from "../../../wire/json-text.ts";
import { createByteSink, type TurnEnd } from "../../response/byte-sink.ts";
import { closeWith, type ServedSocket } from "../../websocket/connection.ts";
import type { PayloadPool } from "../../websocket/protocol/buffer-pool.ts";
import { createFrameWriter } from "../../websocket/protocol/frame-writer.ts";
import type { ServerWebSocket } from "../../websocket/protocol/socket.ts";
import { graphqlError } from "../execution/errors.ts";
import { markNumbers, unmarkNumbers } from "../execution/exact-numbers.ts";
import { type Executor, formatted } from "../execution/executor.ts";
import { LEGACY_PROTOCOL, legacyLink, MODERN_PROTOCOL, plainLink } from "./legacy-protocol.ts";

/** Selects one of the subprotocols that a client offers. Prefers the modern one. */
export const chooseProtocol = (offered: readonly string[]): string | undefined =>
  [MODERN_PROTOCOL, LEGACY_PROTOCOL].find((protocol) => offered.includes(protocol));

/** Serves an accepted socket. @param protocol negotiated subprotocol; empty for none */
export type ServeGraphql = (
  webSocket: ServerWebSocket,
  socket: Socket,
  session: Session,
  protocol: string,
) => ServedSocket;

/** Creates the function that serves sockets. */
export function createGraphqlSockets(
  { prepare, formatError, run, parts }: Executor,
  turnEnd: TurnEnd,
  payloadPool: PayloadPool,
): ServeGraphql {
  const { limits, counters, logger, sessions, memory } = parts;
  /** Memory of running operations by socket and request. Operation ids are not unique: clients may reuse one too early. */
  const underWay = new WeakMap<Session, Map<object, MemoryLease>>();

  function endOperation(session: Session, payload: object): void {
    const leases = underWay.get(session);
    leases?.get(payload)?.release();
    leases?.delete(payload);
  }

  const server = makeServer<undefined, Session>({
    execute: run,
    onSubscribe({ subscriptions, extra }, _id, payload) {
      // `subscriptions` already includes the new one.
      if (Object.keys(subscriptions).length > limits.graphqlMaxOperations)
        return [
          graphqlError(
            "GRAPHQL_LIMIT_EXCEEDED",
            `a connection must have at most ${limits.graphqlMaxOperations} running operations`,
          ),
        ];
      const prepared = prepare(payload, extra.visitor, extra);
      if ("errors" in prepared) return prepared.errors;
      const leases = underWay.get(extra) ?? new Map<object, MemoryLease>();
      underWay.set(extra, leases.set(payload, prepared.lease));
      return prepared.args;
    },
    onComplete: ({ extra }, _id, payload) => endOperation(extra, payload),
    onNext: ({ extra }, _id, _payload, _args, result) => formatted(result, formatError, extra.visitor),
    onError({ extra }, _id, payload, errors) {
      endOperation(extra, payload);
      return errors.map((error) => formatError(error, extra.visitor).toJSON());
    },
  });

  return function serve(webSocket, socket, session, protocol) {
    const sink = createByteSink({
      stream: socket,
      highWaterBytes: limits.sendHighWaterBytes,
      turnEnd,
      onBytes: (bytes) => {
        counters.bytesSent += bytes;
      },
      openLease: () => memory.answer("unread", session.visitor),
    });
    let waiting: (() => void)[] = [];
    const goOn = () => {
      webSocket.resume();
      const due = waiting;
      waiting = [];
      for (const resolve of due) resolve();
    };

    function send(marked: string): Promise<void> | undefined {
      if (!webSocket.isOpen()) return undefined;
      const text = unmarkNumbers(marked);
      const frame = createFrameWriter(Buffer.byteLength(text) + 16);
      frame.text(text);
      sink.write(frame.take());
      if (!sink.isFull()) return undefined;
      // Reads no further requests from a client that does not read its results.
      webSocket.pause();
      sink.whenDrained(goOn);
      return new Promise((resolve) => waiting.push(resolve));
    }

    function close(code = 1000, reason = ""): void {
      sink.flush();
      webSocket.close(code, reason);
    }

    /** Sends the pong after the token was accepted. An invalid token closes the connection. */
    async function onPing(payload: Readonly<Record<string, unknown>> | undefined): Promise<void> {
      const token = payload?.token;
      const hasToken = typeof token === "string";
      if (hasToken) await sessions.renew(session, token);
      // Echoes the payload, unless it is a token.
      await link.socket.send(
        JSON.stringify({ type: "pong", ...(payload !== undefined && !hasToken && { payload }) }),
      );
    }

    /** Checks the bounds of a message before `graphql-ws` parses it. */
    async function deliver(text: string): Promise<void> {
      checkJsonBounds(text, "the message");
      await link.message(markNumbers(text));
    }

    const wire = { send, close, onPing };
    const link = protocol === LEGACY_PROTOCOL ? legacyLink(wire) : plainLink(wire, protocol);
    const closed = server.opened(link.socket, session);
    return {
      message(bytes, isBinary, memory) {
        const text = isBinary ? "" : bytes.toString();
        if (memory !== undefined) payloadPool.give(memory);
        deliver(text).catch((error: Error) => {
          counters.clientErrors++;
          logger.debug({ err: error }, "invalid message on a GraphQL WebSocket");
          close(4400, "Invalid message received");
        });
      },
      closed(code) {
        goOn();
        for (const lease of underWay.get(session)?.values() ?? []) lease.release();
        closed(code, "").catch((error: Error) => {
          counters.internalErrors++;
          logger.error({ err: error }, "failed to close a GraphQL WebSocket");
        });
      },
      end(error) {
        sink.flush();
        closeWith(webSocket, error);
      },
    };
  };
}
