/**
 * `Expect: 100-continue` (RFC 9110, section 10.1.1). Node sends `100 Continue` for every such request. Here it is sent
 * when the body is about to be read, so that a client without permission, or with too large a body, never sends it.
 * After a response without it Node closes the connection: the next bytes may be the body or another request.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";

const expecting = new WeakMap<IncomingMessage, ServerResponse>();

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

/** Handles the server's requests with `Expect: 100-continue` as all others. */
export function delayContinue(server: Server): void {
  server.on("checkContinue", (request, response) => {
    if (hasBody(request)) expecting.set(request, response);
    else response.writeContinue();
    server.emit("request", request, response);
  });
}

/** Lets the client send the body of a request, if it waits for that. */
export function sendContinue(request: IncomingMessage): void {
  const response = expecting.get(request);
  if (response === undefined) return;
  expecting.delete(request);
  if (!response.headersSent) response.writeContinue();
}
