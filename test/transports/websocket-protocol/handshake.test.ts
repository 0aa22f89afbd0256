// cspell:ignore superchat Gzzh permessage
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { overloaded } from "../../../src/access/limits/memory-budget.ts";
import { GatewayError } from "../../../src/domain/errors.ts";
import {
  answerHandshake,
  offeredProtocols,
  rejectUpgrade,
} from "../../../src/transports/websocket-protocol/handshake.ts";

/** Answers with the handshake, or with the plain error. */
const server = createServer();
beforeAll(
  () =>
    new Promise<void>((resolve) => {
      server.on("upgrade", (request: IncomingMessage, socket) => {
        try {
          const [first] = offeredProtocols(request);
          socket.end(answerHandshake(request, first, "the-id"));
        } catch (error) {
          socket.end(error instanceof GatewayError ? `${error.code}: ${error.message}` : "another error");
        }
      });
      server.listen(0, "127.0.0.1", resolve);
    }),
);
afterAll(() => void server.close());

const HEADERS: Readonly<Record<string, string>> = {
  Host: "example.com",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

/** Sends a handshake with changed headers; undefined omits a header. @returns the answer of the server */
function shake(
  changed: Record<string, string | undefined> = {},
  method = "GET",
  to = server,
): Promise<string> {
  const lines = Object.entries({ ...HEADERS, ...changed }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  const socket = connect((to.address() as AddressInfo).port, "127.0.0.1");
  socket.write(`${method} /chat HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return new Promise((resolve, reject) => {
    let answer = "";
    socket.setEncoding("latin1").on("data", (text) => {
      answer += text;
    });
    socket.on("error", reject).on("close", () => resolve(answer));
  });
}

test("answers the example of RFC 6455, section 1.3", async () => {
  expect(await shake({ "Sec-WebSocket-Protocol": "chat, superchat" })).toBe(
    "HTTP/1.1 101 Switching Protocols\r\n" +
      "Upgrade: websocket\r\n" +
      "Connection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
      "x-connection-id: the-id\r\n" +
      "Sec-WebSocket-Protocol: chat\r\n\r\n",
  );
});

test("answers without subprotocol and extensions if none is offered or accepted", async () => {
  const answer = await shake({ "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" });
  expect(answer).toMatch(/^HTTP\/1\.1 101 /);
  expect(answer).not.toMatch(/Protocol:|Extensions/);
});

test.each([
  ["a Connection header with more in it", { Connection: "keep-alive, Upgrade" }],
  ["Upgrade in capitals", { Upgrade: "WebSocket" }],
])("accepts %s", async (_what, changed) => {
  expect(await shake(changed)).toMatch(/^HTTP\/1\.1 101 /);
});

test.each([
  ["Upgrade to something else", { Upgrade: "h2c" }, "Upgrade"],
  ["a body", { "Content-Length": "5" }, "body"],
  ["no key", { "Sec-WebSocket-Key": undefined }, "Key"],
  ["a key of 15 bytes", { "Sec-WebSocket-Key": Buffer.alloc(15).toString("base64") }, "Key"],
  ["a key that is not base64", { "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }, "Key"],
  ["an empty offer of protocols", { "Sec-WebSocket-Protocol": "" }, "Sec-WebSocket-Protocol"],
  ["an empty name in it", { "Sec-WebSocket-Protocol": "a,,b" }, "Sec-WebSocket-Protocol"],
  ["an invalid name", { "Sec-WebSocket-Protocol": "a b" }, "Sec-WebSocket-Protocol"],
  ["a name that is not ASCII", { "Sec-WebSocket-Protocol": "caf\xe9" }, "Sec-WebSocket-Protocol"],
])("rejects %s", async (_what, changed, names) => {
  const answer = await shake(changed);
  expect(answer).toMatch(/^BAD_REQUEST: invalid WebSocket handshake: /);
  expect(answer).toContain(names);
});

test.each([undefined, "8", "14", "13, 8"])("rejects version %s with UPGRADE_REQUIRED", async (version) => {
  expect(await shake({ "Sec-WebSocket-Version": version })).toBe(
    `UPGRADE_REQUIRED: Sec-WebSocket-Version must be 13, got ${JSON.stringify(version ?? "")}`,
  );
});

test("rejects methods other than GET", async () => {
  expect(await shake({}, "POST")).toContain("GET");
});

test.each<[status: string, retryAfter: string | undefined, error: GatewayError]>([
  ["429 Too Many Requests", "1", new GatewayError("TOO_MANY_CONNECTIONS", "")],
  ["429 Too Many Requests", "3", new GatewayError("TOO_MANY_REQUESTS", "", { retryAfterMs: 2001 })],
  ["503 Service Unavailable", "1", new GatewayError("AUTH_UNAVAILABLE", "")],
  ["503 Service Unavailable", "2", overloaded()],
  ["403 Forbidden", undefined, new GatewayError("FORBIDDEN", "")],
  ["426 Upgrade Required", undefined, new GatewayError("UPGRADE_REQUIRED", "")],
])("rejects with %s, Retry-After: %s", async (status, retryAfter, error) => {
  const rejecting = createServer();
  rejecting.on("upgrade", (_request, socket: Socket) =>
    rejectUpgrade(socket, error, undefined, { finish: (one, last) => void one.end(last) }),
  );
  await new Promise<void>((resolve) => rejecting.listen(0, "127.0.0.1", resolve));
  const answer = await shake({}, "GET", rejecting);
  rejecting.close();
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`));
  expect(/^Retry-After: (.*)\r$/m.exec(answer)?.[1]).toBe(retryAfter);
});
