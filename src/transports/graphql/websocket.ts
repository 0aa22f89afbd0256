/**
 * `/graphql` over a WebSocket. The protocol's core is `graphql-ws`; here it gets a socket whose `send` says when more
 * may come, so that a subscription whose client does not read is not read for either. The older protocol is
 * translated on the way (`legacy-protocol.ts`).
 */
import type { Socket } from "node:net";
import { makeServer } from "graphql-ws";
import type { WebSocket } from "ws";
import { GatewayError } from "../../domain/errors.ts";
import { createByteSink, type TurnEnd } from "../byte-sink.ts";
import { closeWith, type ServedSocket } from "../websocket/connection.ts";
import { createFrameWriter } from "../websocket/frame-writer.ts";
import { graphqlError } from "./errors.ts";
import { type Executor, formatted } from "./executor.ts";
import { LEGACY_PROTOCOL, legacyLink, MODERN_PROTOCOL, plainLink } from "./legacy-protocol.ts";

/** Chooses the subprotocol among those that a client offers, the newer one first. */
export const chooseProtocol = (offered: ReadonlySet<string>): string | false =>
  [MODERN_PROTOCOL, LEGACY_PROTOCOL].find((protocol) => offered.has(protocol)) ?? false;

/** Serves a socket that was accepted. */
export type ServeGraphql = (webSocket: WebSocket, socket: Socket) => ServedSocket;

/** Makes the function that serves sockets. */
export function createGraphqlSockets(
  { prepare, formatError, run, parts }: Executor,
  turnEnd: TurnEnd,
): ServeGraphql {
  const { limits, tally, logger } = parts;
  const server = makeServer({
    execute: run,
    onSubscribe({ subscriptions }, _id, payload) {
      // The one that is being asked for is among them already.
      if (Object.keys(subscriptions).length > limits.graphqlMaxOperations)
        return [
          graphqlError(
            "GRAPHQL_LIMIT_EXCEEDED",
            `more than ${limits.graphqlMaxOperations} operations are under way on this socket`,
          ),
        ];
      const prepared = prepare(payload);
      return "errors" in prepared ? prepared.errors : prepared.args;
    },
    onNext: (_context, _id, _payload, _args, result) => formatted(result, formatError),
    onError: (_context, _id, _payload, errors) => errors.map((error) => formatError(error).toJSON()),
  });

  return function serve(webSocket, socket) {
    const sink = createByteSink({
      stream: socket,
      highWaterBytes: limits.sendHighWaterBytes,
      turnEnd,
      onBytes: (bytes) => {
        tally.bytesOut += bytes;
      },
    });
    let waiting: (() => void)[] = [];
    const goOn = () => {
      webSocket.resume();
      const due = waiting;
      waiting = [];
      for (const resolve of due) resolve();
    };

    function send(text: string): Promise<void> | undefined {
      if (webSocket.readyState !== webSocket.OPEN) return undefined;
      const frame = createFrameWriter(Buffer.byteLength(text) + 16);
      frame.text(text);
      sink.write(frame.take());
      if (!sink.isFull()) return undefined;
      // A client that does not read its answers does not get to ask more either.
      webSocket.pause();
      sink.whenDrained(goOn);
      return new Promise((resolve) => waiting.push(resolve));
    }

    function close(code?: number, reason?: string): void {
      sink.flush();
      webSocket.close(code, reason);
    }

    const { protocol } = webSocket;
    const link =
      protocol === LEGACY_PROTOCOL ? legacyLink({ send, close }) : plainLink({ send, close }, protocol);
    const closed = server.opened(link.socket, undefined);
    webSocket.on("message", (data: Buffer, isBinary: boolean) => {
      link.message(isBinary ? "" : data.toString()).catch((error: Error) => {
        tally.clientErrors++;
        logger.debug({ err: error }, "a GraphQL socket sent what is no message");
        close(4400, "Invalid message received");
      });
    });
    webSocket.on("close", (code, reason) => {
      goOn();
      closed(code, reason.toString()).catch((error: Error) => {
        tally.internalErrors++;
        logger.error({ err: error }, "a GraphQL socket did not end in order");
      });
    });
    return {
      shutDown() {
        sink.flush();
        closeWith(webSocket, new GatewayError("SHUTTING_DOWN", "the gateway stops"));
      },
    };
  };
}
