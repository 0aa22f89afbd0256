/** What an upgrade is before it is a WebSocket: an HTTP request, which can be refused with a status. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { CONNECTION_HEADER, type Visitor } from "../../access/admission.ts";
import { BEARER_PROTOCOL } from "../../access/credentials.ts";
import type { GatewayError } from "../../domain/errors.ts";
import { errorBody } from "../append-results.ts";

/** The path of a request's target, and its query with the `?`. */
export function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const at = url.indexOf("?");
  return at < 0 ? { pathname: url, search: "" } : { pathname: url.slice(0, at), search: url.slice(at) };
}

/** A browser wants one of the subprotocols that it offered; the one with the secret only if there is no other. */
export function chooseProtocol(offered: ReadonlySet<string>): string | false {
  const [first] = offered;
  return [...offered].find((one) => !one.startsWith(BEARER_PROTOCOL)) ?? first ?? false;
}

/** Answers an upgrade that is not to be: still HTTP, so with a status. */
export function refuseUpgrade(socket: Socket, error: GatewayError, visitor: Visitor | undefined): void {
  const body = JSON.stringify(errorBody(error));
  const { status } = error.kind;
  const named = visitor === undefined ? "" : `${CONNECTION_HEADER}: ${visitor.id}\r\n`;
  const challenge = status === 401 ? "WWW-Authenticate: Bearer\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\n${named}${challenge}` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
