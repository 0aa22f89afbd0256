/** An HTTP answer to a socket that has no response object: of bytes that are no request, or of an upgrade not to be. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { GatewayError } from "../domain/errors.ts";
import { errorBody } from "./append-results.ts";

/** Answers with an error and ends the connection. @param headers further ones, with values that need no escaping */
export function endWithError(
  socket: Duplex,
  error: GatewayError,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(errorBody(error));
  const { status } = error.kind;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
