/** Server side of the opening handshake (RFC 6455, section 4.2), and its rejection by an HTTP response. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { CONNECTION_HEADER, type Visitor } from "../../access/admission.ts";
import { BEARER_PROTOCOL } from "../../access/identity/credentials.ts";
import { GatewayError } from "../../domain/errors.ts";
import { hasBody } from "../request/request-head.ts";
import { WARNINGS_HEADER, warningsHeader } from "../request/warnings.ts";
import { endWithError } from "../response/errors/socket-errors.ts";
import type { SocketDeadlines } from "../response/sockets/socket-deadlines.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** HTTP token (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const wrong = (problem: string): GatewayError =>
  new GatewayError("BAD_REQUEST", `invalid WebSocket handshake: ${problem}`);

/** Returns the subprotocols that a client offers, in its order. @throws GatewayError BAD_REQUEST */
export function offeredProtocols({ headers }: IncomingMessage): readonly string[] {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((protocol) => protocol.trim()) ?? [];
  if (!offered.every((protocol) => TOKEN.test(protocol)))
    throw wrong("Sec-WebSocket-Protocol must be a list of names");
  return offered;
}

/**
 * Checks the handshake of a client and returns the response.
 *
 * @param protocol selected subprotocol; undefined for none
 * @param connectionId sent to the client, so that an operator can find the connection in the log
 * @throws GatewayError BAD_REQUEST, or UPGRADE_REQUIRED if the version is not 13
 */
export function answerHandshake(
  { method, headers }: IncomingMessage,
  protocol: string | undefined,
  connectionId: string,
  warnings: readonly string[] = [],
): string {
  const key = headers["sec-websocket-key"];
  const version = headers["sec-websocket-version"];
  if (headers.upgrade?.toLowerCase() !== "websocket") throw wrong("Upgrade must be websocket");
  if (method !== "GET") throw wrong("the method must be GET");
  // Its bytes would be read as frames.
  if (hasBody(headers)) throw wrong("it must not have a body");
  if (version !== "13")
    throw new GatewayError(
      "UPGRADE_REQUIRED",
      `Sec-WebSocket-Version must be 13, got ${JSON.stringify(version?.slice(0, 20) ?? "")}`,
    );
  if (key === undefined || !/^[+/0-9A-Za-z]{22}==$/.test(key))
    throw wrong("Sec-WebSocket-Key must be 16 bytes in base64");
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    `${CONNECTION_HEADER}: ${connectionId}`,
  ];
  if (warnings.length > 0) lines.push(`${WARNINGS_HEADER}: ${warningsHeader(warnings)}`);
  if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Selects any subprotocol, since browsers fail if none of theirs is selected. Avoids the one that contains a token. */
export const selectAnyProtocol = (offered: readonly string[]): string | undefined =>
  offered.find((one) => !one.startsWith(BEARER_PROTOCOL)) ?? offered[0];

/** Splits a request target into its path and its query, which includes `?`. */
export function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const at = url.indexOf("?");
  return at < 0 ? { pathname: url, search: "" } : { pathname: url.slice(0, at), search: url.slice(at) };
}

/** Rejects an upgrade with an HTTP response. */
export function rejectUpgrade(
  socket: Socket,
  error: GatewayError,
  visitor: Visitor | undefined,
  deadlines: Pick<SocketDeadlines, "finish">,
): void {
  endWithError(socket, error, deadlines, {
    ...(visitor !== undefined && { [CONNECTION_HEADER]: visitor.id }),
    ...(error.kind.status === 401 && { "WWW-Authenticate": "Bearer" }),
    // RFC 6455, section 4.4: the supported version.
    ...(/^(BAD_REQUEST|UPGRADE_REQUIRED)$/.test(error.code) && { "Sec-WebSocket-Version": "13" }),
    ...(error.code === "UPGRADE_REQUIRED" && { Upgrade: "websocket" }),
  });
}
