/**
 * Route `/graphql` over a WebSocket. The protocol is implemented by `graphql-ws`, on a socket whose `send` applies
 * backpressure: no entries are read for a subscription whose client does not read. Messages of the legacy protocol are
 * translated (`legacy-protocol.ts`).
 *
 * The payload of a ping may carry a fresh token before the current token of the connection expires:
 * `{"type": "ping", "payload": {"token": "…"}}`.
 */
import { checkJsonBounds } from "../../../wire/json/json-text.ts";
import type { Pieces } from "../../../wire/pieces.ts";
import { markNumbers, unmarkNumbers } from "../../request/exact-numbers.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import { createClientSink } from "../../response/client-sink.ts";
import type { Chunks } from "../../response/memory/chunks.ts";
import { createFrameWriter } from "../../websocket-protocol/frames/frame-writer.ts";
import type { PayloadPool } from "../../websocket-protocol/memory/buffer-pool.ts";
import { MessageTurns } from "../../websocket-protocol/message-turns.ts";
import { createPauseReasons, type Pausable } from "../../websocket-protocol/pause-reasons.ts";
import type { ServerWebSocket } from "../../websocket-protocol/socket.ts";
import {
  closeWith,
  type ServedSocket,
  type SocketRequest,
  type UpgradeRoute,
} from "../../websocket-protocol/upgrade-route.ts";
import type { GraphqlParts } from "../execution/context.ts";
import type { Executor } from "../execution/executor.ts";
import { LEGACY_PROTOCOL, legacyLink, MODERN_PROTOCOL, plainLink } from "./legacy-protocol.ts";
import { createSocketOperations, type SocketOperations } from "./socket-operations.ts";

/** Selects one of the subprotocols that a client offers. Prefers the modern one. */
export const chooseProtocol = (offered: readonly string[]): string | undefined =>
  [MODERN_PROTOCOL, LEGACY_PROTOCOL].find((protocol) => offered.includes(protocol));

/** Creates the route. */
export function createGraphqlRoute(executor: Executor, payloadPool: PayloadPool): UpgradeRoute {
  const operations = createSocketOperations(executor);
  return {
    kind: "graphql",
    path: /^\/graphql\/?$/,
    maxMessageBytes: executor.parts.config.graphqlMaxBytes,
    choose: chooseProtocol,
    serve: (request) => serve(request, operations, executor.parts, payloadPool),
  };
}

function frameOfText(text: string): Chunks {
  const frame = createFrameWriter(Buffer.byteLength(text) + 16);
  frame.text(text);
  return frame.take();
}

function frameOfParts(parts: Pieces): Chunks {
  const frame = createFrameWriter(64);
  frame.textBytes(parts);
  return frame.take();
}

/** Writer of the messages to a client. */
interface ResultWriter {
  /** Writes a message. @returns a promise that resolves when the client has read enough; undefined if it may go on at once */
  send(marked: string): Promise<void> | undefined;
  /** Resolves all promises of `send`, and reads further requests. */
  goOn(): void;
}

/**
 * Creates the writer of one socket.
 *
 * @param unread pauses reading while the client does not read its results
 * @param partsOf returns the bytes of a large result
 */
function createResultWriter(
  webSocket: ServerWebSocket,
  sink: ByteSink,
  unread: Pausable,
  partsOf: SocketOperations["partsOf"],
): ResultWriter {
  let waiting: (() => void)[] = [];
  function goOn(): void {
    unread.resume();
    const due = waiting;
    waiting = [];
    for (const resolve of due) resolve();
  }
  return {
    send(marked) {
      const large = partsOf(marked);
      if (!webSocket.isOpen()) return undefined;
      sink.write(large === undefined ? frameOfText(unmarkNumbers(marked)) : frameOfParts(large));
      if (!sink.isFull()) return undefined;
      // Reads no further requests from a client that does not read its results.
      unread.pause();
      sink.whenDrained(goOn);
      return new Promise((resolve) => waiting.push(resolve));
    },
    goOn,
  };
}

/** Serves an accepted socket. */
function serve(
  { webSocket, socket, session, protocol }: SocketRequest,
  operations: SocketOperations,
  parts: GraphqlParts,
  payloadPool: PayloadPool,
): ServedSocket {
  const {
    access: { sessions, turns },
    streams: { turnEnd },
    observe: { counters, logger },
  } = parts;
  const sink = createClientSink(socket, session.visitor, parts);
  const pauseReason = createPauseReasons(webSocket);
  const results = createResultWriter(webSocket, sink, pauseReason(), operations.partsOf);

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
  async function handle(text: string): Promise<void> {
    checkJsonBounds(text, "the message");
    await link.message(markNumbers(text));
  }

  function deliver(text: string): void {
    if (!webSocket.isOpen()) return;
    handle(text).catch((error: Error) => {
      counters.clientErrors++;
      logger.debug({ err: error }, "invalid message on a GraphQL WebSocket");
      close(4400, "Invalid message received");
    });
  }

  const wire = { send: results.send, close, onPing };
  const link = protocol === LEGACY_PROTOCOL ? legacyLink(wire) : plainLink(wire, protocol);
  const closed = operations.opened(link.socket, session, pauseReason());
  const owner = { connection: socket, address: () => session.visitor.address };
  const messages = new MessageTurns({
    owner,
    turns: turns.requests,
    turnEnd,
    reading: pauseReason(),
    deliver,
  });
  return {
    message(bytes, isBinary, memory) {
      const text = isBinary ? "" : bytes.toString();
      if (memory !== undefined) payloadPool.give(memory);
      messages.add(text);
    },
    closed(code) {
      results.goOn();
      operations.release(session);
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
}
