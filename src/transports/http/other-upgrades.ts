/**
 * Requests with an `Upgrade` to a protocol other than WebSocket, for example `Upgrade: h2c` of Java's HTTP client. A server
 * ignores protocols that it does not support (RFC 9110, section 7.8). Node, however, emits "upgrade" for any protocol if
 * there is a listener, and leaves the connection to that listener.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { handBack } from "./hand-back.ts";

/** Whether a request is a WebSocket handshake. */
export const wantsWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === "websocket";

/** Hands the connection back to the server, with the request rewritten without `Upgrade`. */
export function answerWithoutUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const { rawHeaders } = request;
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = rawHeaders.slice(i, i + 2);
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    // Only `close` matters here; the other options name the removed headers.
    if (/^connection$/i.test(name))
      kept.push("Connection", /\bclose\b/i.test(value) ? "close" : "keep-alive");
    else kept.push(name, value);
  }
  handBack(server, request, kept, socket, head);
}
