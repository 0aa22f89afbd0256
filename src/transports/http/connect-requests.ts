/** `CONNECT` requests, which open tunnels through a proxy. Without a listener, Node closes the connection without a response. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { GatewayError } from "../../domain/errors.ts";
import type { Access } from "../parts.ts";
import type { ErrorLog } from "../response/errors/error-log.ts";
import { endWithError } from "../response/errors/socket-errors.ts";
import type { Pipelines } from "./pipeline.ts";
import { METHODS } from "./responses/not-found.ts";

/** Rejects `CONNECT`, after the requests before it were answered, and closes the connection. */
export function rejectConnect(
  server: Server,
  pipelines: Pipelines,
  { deadlines }: Pick<Access, "deadlines">,
  errorLog: ErrorLog,
): void {
  server.on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (pipelines.keepRest(server, request, socket, head)) return;
    const allow = METHODS.join(", ");
    const error = new GatewayError(
      "METHOD_NOT_ALLOWED",
      `CONNECT is not allowed, because the gateway is not a proxy; use ${allow}`,
    );
    errorLog.note(error, { route: "CONNECT", address: socket.remoteAddress });
    endWithError(socket, error, deadlines, { Allow: allow });
  });
}
