/**
 * `Expect: 100-continue` (RFC 9110, section 10.1.1). Node sends `100 Continue` for every such request. The gateway sends
 * it just before it reads the body, so that a client without permission, or with too large a body, never sends the body.
 * After a response without it Node closes the connection, because the next bytes may be the body or another request.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { hasBody } from "../../request/request-head.ts";

const expecting = new WeakMap<IncomingMessage, ServerResponse>();

/** Handles requests with `Expect: 100-continue` like all others. */
export function delayContinue(server: Server): void {
  server.on("checkContinue", (request, response) => {
    if (hasBody(request.headers)) expecting.set(request, response);
    else response.writeContinue();
    server.emit("request", request, response);
  });
}

/** Sends `100 Continue` if the client waits for it. */
export function sendContinue(request: IncomingMessage): void {
  const response = expecting.get(request);
  if (response === undefined) return;
  expecting.delete(request);
  if (!response.headersSent) response.writeContinue();
}
