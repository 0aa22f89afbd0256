/** Hands a connection that Node's HTTP server gave away with "upgrade" back to it. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Makes the server parse a connection again, from a request on.
 *
 * @param rawHeaders header lines of the request as in `IncomingMessage.rawHeaders`
 * @param head bytes after the head of the request
 */
export function handBack(
  server: Server,
  { method, url, httpVersion }: IncomingMessage,
  rawHeaders: readonly string[],
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  if (head.length > 0) socket.unshift(head);
  socket.unshift(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
  // A TLS socket is already decrypted.
  server.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
}
