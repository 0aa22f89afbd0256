/**
 * Bytes of a connection that are no valid request. They follow requests that may not be answered yet: their responses are
 * sent first, so that the client does not take the error for one of them.
 */
import type { Socket } from "node:net";
import type { Limits } from "../../access/limits/limits.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Access } from "../parts.ts";
import type { ErrorLog } from "../response/errors/error-log.ts";
import { endWithError } from "../response/errors/socket-errors.ts";
import { breakBody } from "./bodies/broken-bodies.ts";
import type { ServerConfig } from "./bounded-server.ts";
import type { Pipelines } from "./pipeline.ts";

/** Code of Node's error for bytes after a request with `Connection: close`. */
const AFTER_CLOSE = "HPE_CLOSED_CONNECTION";

/** Parts of a server that its broken requests involve. */
export interface BrokenRequestParts {
  readonly config: Pick<ServerConfig, "maxHeaderBytes">;
  readonly access: Pick<Access, "deadlines" | "limits">;
  readonly errorLog: ErrorLog;
  readonly pipelines: Pipelines;
}

/** Responds to a malformed, too large or too slow request, after the requests before it were answered. */
export function answerBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket,
  { config, access, errorLog, pipelines }: BrokenRequestParts,
): void {
  const { deadlines, limits } = access;
  // The client reset or closed the connection, so no response is possible.
  if (error.code === "ECONNRESET" || !socket.writable) {
    deadlines.finish(socket);
    return;
  }
  let made: GatewayError | undefined;
  const answer = () => (made ??= brokenRequest(error, config.maxHeaderBytes, limits));
  pipelines.endInput(socket, {
    onIncomplete: (request) => breakBody(request, answer()),
    end(isAnswered) {
      // A server ignores what follows a request with `Connection: close` (RFC 9112, section 9.6).
      if (isAnswered || error.code === AFTER_CLOSE) {
        deadlines.finish(socket);
        return;
      }
      errorLog.note(answer(), { route: "HTTP", address: socket.remoteAddress });
      endWithError(socket, answer(), deadlines);
    },
  });
}

function brokenRequest(
  { code, message }: NodeJS.ErrnoException,
  maxHeaderBytes: number,
  limits: Limits,
): GatewayError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      limits.hit("header_bytes");
      return new GatewayError(
        "HEADERS_TOO_LARGE",
        `the headers are over the limit of ${maxHeaderBytes} bytes`,
      );
    case "ERR_HTTP_REQUEST_TIMEOUT":
      limits.hit("handshake_time");
      return new GatewayError("REQUEST_TIMEOUT", "the request was not complete within the time limit");
    default:
      return new GatewayError("BAD_REQUEST", `not a valid HTTP/1.1 request: ${message}`);
  }
}
