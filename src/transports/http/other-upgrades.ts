/**
 * Requests that offer to go on in a protocol other than WebSocket, as Java's HTTP client does with each (`Upgrade: h2c`).
 * A server that does not speak it ignores the offer and answers (RFC 9110, section 7.8). Node takes any offer for an
 * upgrade once somebody listens to those, and leaves the rest of the connection to the listener.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** Whether a request wants to become a WebSocket. */
export const wantsWebSocket = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === "websocket";

/** Hands the connection back to the server, with the request as it had been without the offer. */
export function answerWithoutUpgrade(
  server: Server,
  { method, url, httpVersion, rawHeaders }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = rawHeaders.slice(i, i + 2);
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    // Beside whether the connection ends, it only names the other two.
    if (/^connection$/i.test(name))
      lines.push(/\bclose\b/i.test(value) ? "Connection: close" : "Connection: keep-alive");
    else lines.push(`${name}: ${value}`);
  }
  if (head.length > 0) socket.unshift(head);
  socket.unshift(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
  // What came by TLS has left that behind already.
  server.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
}
