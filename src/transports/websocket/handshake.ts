/** The opening handshake, a server's side (RFC 6455, section 4.2), and its refusal, which is still HTTP. */
import { createHash } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { CONNECTION_HEADER, type Visitor } from "../../access/admission.ts";
import { BEARER_PROTOCOL } from "../../access/credentials.ts";
import { GatewayError } from "../../domain/errors.ts";
import { errorBody } from "../append-results.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Checks the handshake of a client and gives the answer to it.
 *
 * @param connectionId told to the client, so that it can tell an operator which line of the log is about it
 * @throws GatewayError UPGRADE_REQUIRED or BAD_REQUEST
 */
export function answerHandshake({ method, headers }: IncomingMessage, connectionId: string): string {
  const key = headers["sec-websocket-key"];
  const version = headers["sec-websocket-version"];
  if (headers.upgrade?.toLowerCase() !== "websocket")
    throw new GatewayError("UPGRADE_REQUIRED", "the Upgrade header does not say websocket");
  if (method !== "GET") throw new GatewayError("BAD_REQUEST", "a WebSocket is opened with GET");
  if (version !== "13" && version !== "8")
    throw new GatewayError("UPGRADE_REQUIRED", "Sec-WebSocket-Version has to be 13");
  if (key === undefined || !/^[+/0-9A-Za-z]{22}==$/.test(key))
    throw new GatewayError("BAD_REQUEST", "Sec-WebSocket-Key is not 16 bytes in base64");
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  const protocol = chooseProtocol(headers["sec-websocket-protocol"]);
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    `${CONNECTION_HEADER}: ${connectionId}`,
  ];
  if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A browser gives up where it offers protocols and none is chosen: the one with a secret only if there is no other. */
function chooseProtocol(offered: string | undefined): string | undefined {
  const protocols = offered?.split(",").map((one) => one.trim()) ?? [];
  return protocols.find((one) => !one.startsWith(BEARER_PROTOCOL)) ?? protocols[0];
}

/** The path of a request's target, and its query with the `?`. */
export function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const at = url.indexOf("?");
  return at < 0 ? { pathname: url, search: "" } : { pathname: url.slice(0, at), search: url.slice(at) };
}

/** Answers an upgrade that is not to be: still HTTP, so with a status. */
export function refuseUpgrade(socket: Socket, error: GatewayError, visitor: Visitor | undefined): void {
  const body = JSON.stringify(errorBody(error));
  const { status } = error.kind;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  if (visitor !== undefined) lines.push(`${CONNECTION_HEADER}: ${visitor.id}`);
  if (status === 401) lines.push("WWW-Authenticate: Bearer");
  // RFC 6455, section 4.2.2: whoever speaks another version is told which one is spoken here.
  if (error.code === "UPGRADE_REQUIRED") lines.push("Sec-WebSocket-Version: 13");
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
