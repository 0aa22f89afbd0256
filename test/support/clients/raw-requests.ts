/** Requests as bytes, for tests that write to the connection themselves. */

/** Returns a request with its body, for example `rawRequest("GET /healthz")`. */
export const rawRequest = (
  line: string,
  headers: readonly string[] = [],
  body: string | Buffer = "",
): Buffer =>
  Buffer.concat([
    Buffer.from(
      [`${line} HTTP/1.1`, "Host: localhost", ...headers, `Content-Length: ${body.length}`, "", ""].join(
        "\r\n",
      ),
    ),
    Buffer.from(body),
  ]);

/** Returns the request that opens a WebSocket. @param protocol requested subprotocol */
export const upgradeRequest = (path: string, protocol?: string): Buffer =>
  rawRequest(`GET ${path}`, [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ]);
