/** WebSocket server: admits upgrades, passes them to a route, and closes connections on shutdown. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Visitor } from "../../access/admission.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import { sleep } from "../../domain/scheduling/sleep.ts";
import type { Observe } from "../parts.ts";
import { unknownParameters } from "../request/parameters/unknown-parameters.ts";
import { withoutPrefix } from "../request/path-prefix.ts";
import { checkHead } from "../request/request-head.ts";
import { errorContext, routePatternOf } from "../response/errors/error-log.ts";
import {
  answerHandshake,
  offeredProtocols,
  rejectUpgrade,
  splitUrl,
} from "../websocket-protocol/handshake.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import { routeOfKind, type UpgradeRoute } from "../websocket-protocol/upgrade-route.ts";
import { type AcceptParts, type Admitted, OpenSocket, type Route } from "./accept.ts";
import { startKeepAlive } from "./keep-alive.ts";
import type { WebSocketParts } from "./parts.ts";

/** WebSocket server of the gateway. */
export interface WebSocketServer {
  /** Handles an `upgrade` of the HTTP server. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Returns the number of open sockets. */
  size(): number;
  /** Returns the number of unsent bytes of all sockets. */
  sendBufferBytes(): number;
  /** Closes all sockets with a closing handshake. @param withinMs time after which open sockets are destroyed */
  close(withinMs: number): Promise<void>;
}

const CLOSE_POLL_MS = 20;
const stopping = () => new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");

/** Creates the server. @param routes routes of all transports that use WebSockets */
export function createWebSocketServer(
  parts: WebSocketParts,
  routes: readonly UpgradeRoute[],
  payloadPool: PayloadPool,
): WebSocketServer {
  const { access, observe, config } = parts;
  const { admission, limits, deadlines } = access;
  const open = new Set<OpenSocket>();
  const stopKeepAlive = startKeepAlive(config, limits, open);
  const webSocketOptions = {
    pool: payloadPool,
    deadlines,
    uploads: access.memory.uploads,
    workSlices: access.turns.slices,
    turns: access.turns.requests,
  };
  const acceptParts: AcceptParts = { ...parts, webSocketOptions, open };
  let isClosing = false;

  function answerUpgrade(request: IncomingMessage, socket: Socket, head: Buffer, admitted: Admitted): void {
    const { route, protocol, visitor } = admitted;
    limits.checkConnection(visitor);
    const unknown = warnAboutUnknown(route, visitor, observe);
    socket.write(answerHandshake(request, protocol, visitor.id, unknown));
    socket.setTimeout(0);
    socket.setNoDelay(true);
    const opened = new OpenSocket(socket, admitted, acceptParts);
    opened.serve(socket, head, admitted);
    if (isClosing) opened.end(stopping());
  }

  return {
    size: () => open.size,
    sendBufferBytes() {
      let bytes = 0;
      for (const { unsentBytes } of open) bytes += unsentBytes;
      return bytes;
    },
    upgrade(request, socket, head) {
      const { pathname, search } = splitUrl(withoutPrefix(request.url ?? "/", config.pathPrefix));
      let visitor: Visitor | undefined;
      const reject = (error: unknown) => {
        const rejection = asGatewayError(error);
        observe.errorLog.note(rejection, {
          route: routePatternOf(pathname),
          connection: visitor?.id,
          address: visitor?.address ?? socket.remoteAddress,
        });
        rejectUpgrade(socket, rejection, visitor, deadlines);
      };
      try {
        visitor = admission.receive(request);
        admission.check(visitor, request);
        checkHead(request);
        const route = routeOf(routes, pathname, search);
        const protocol = route.choose(offeredProtocols(request));
        const admitted = { route, protocol, visitor, headers: request.headers };
        const identifying = admission.identify(visitor, request);
        if (identifying === undefined) answerUpgrade(request, socket, head, admitted);
        else identifying.then(() => answerUpgrade(request, socket, head, admitted)).catch(reject);
      } catch (error) {
        reject(error);
      }
    },
    async close(withinMs) {
      isClosing = true;
      stopKeepAlive();
      for (const one of open) one.end(stopping());
      const deadline = performance.now() + withinMs;
      while (open.size > 0 && performance.now() < deadline) await sleep(CLOSE_POLL_MS);
      for (const { webSocket } of open) webSocket.terminate();
    },
  };
}

/** Returns the route of a path. @throws GatewayError NOT_FOUND */
function routeOf(routes: readonly UpgradeRoute[], pathname: string, search: string): Route {
  for (const route of routes) {
    const match = route.path.exec(pathname);
    if (match !== null) return { segment: match[1] ?? "", item: match[2] ?? "", search, ...route };
  }
  throw new GatewayError(
    "NOT_FOUND",
    `no WebSocket route at ${pathname.slice(0, 100)}; /asyncapi.json lists the routes`,
  );
}

/** Logs unknown parameters. @returns a warning for each, for the headers of the handshake */
function warnAboutUnknown(
  { kind, parameters, search }: Route,
  visitor: Visitor,
  { warnings }: Observe,
): readonly string[] {
  const sentences = parameters === undefined ? [] : unknownParameters(parameters, search);
  warnings.note("parameter", sentences, errorContext(routeOfKind(kind), visitor));
  return sentences;
}
