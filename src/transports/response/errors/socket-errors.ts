/** HTTP error responses on sockets without a response object: after a malformed request, or for a rejected upgrade. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { GatewayError } from "../../../domain/errors.ts";
import type { SocketDeadlines } from "../sockets/socket-deadlines.ts";
import { errorBody } from "./append-results.ts";
import { retryAfterSeconds } from "./retry-after.ts";

/**
 * Sends an error and ends the connection.
 *
 * @param headers additional headers; their values must not need escaping
 */
export function endWithError(
  socket: Duplex,
  error: GatewayError,
  deadlines: Pick<SocketDeadlines, "finish">,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(errorBody(error));
  const { status } = error.kind;
  const retryAfter = retryAfterSeconds(error);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    // A response with Upgrade must list it in Connection (RFC 9110, section 7.8).
    headers.Upgrade === undefined ? "Connection: close" : "Connection: close, Upgrade",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  deadlines.finish(socket, `${lines.join("\r\n")}\r\n\r\n${body}`);
}
