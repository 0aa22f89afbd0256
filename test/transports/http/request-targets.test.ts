/** Request targets of every form, methods without a route, and the host that the checks of hostile pages use. */
import { expect, test } from "vitest";
import { parseRaw, rawExchange } from "../../support/clients/http.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";

const { gateway } = await openOwnGateway();
const port = Number(new URL(gateway.http).port);

/** Sends lines with a `Host` of localhost, and reads until the connection closes. */
const exchange = (line: string, ...headers: string[]) =>
  rawExchange(port, [line, "Host: localhost", ...headers, "", ""].join("\r\n"));
const raw = async (line: string, ...headers: string[]) =>
  parseRaw(await exchange(line, "Connection: close", ...headers));

const HANDSHAKE = [
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
];

test.each(["/healthz", "/data/s?block=0", "", "?last_entry_id=0"])(
  "the host of an absolute target replaces the Host header: %s",
  async (path) => {
    const { status, body } = await raw(`GET http://evil.example${path} HTTP/1.1`);
    expect([status, JSON.parse(body).code]).toEqual([403, "FORBIDDEN_HOST"]);
    expect((await raw(`GET http://localhost${path} HTTP/1.1`)).status).toBe(200);
  },
);

test("the host of an absolute target replaces a foreign Host header", async () => {
  const answer = await rawExchange(
    port,
    "GET HTTP://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
  );
  expect(parseRaw(answer).status).toBe(200);
});

test("URLs in responses have the host of an absolute target", async () => {
  const { body } = await raw("GET http://localhost:4321/asyncapi.json HTTP/1.1");
  expect(body).toContain("http://localhost:4321/openapi.json");
});

test.each(["websocket", "h2c"])(
  "a handshake of %s is checked by the host of its target",
  async (protocol) => {
    const { status, body } = parseRaw(
      await exchange(
        "GET http://evil.example/data/s/pull HTTP/1.1",
        `Upgrade: ${protocol}`,
        ...HANDSHAKE.with(0, "Connection: Upgrade, close"),
      ),
    );
    expect([status, JSON.parse(body).code]).toEqual([403, "FORBIDDEN_HOST"]);
  },
);

test("a WebSocket handshake with an absolute target finds its route", async () => {
  const { status, body } = parseRaw(
    await exchange("GET http://localhost/data/s/nothing HTTP/1.1", "Upgrade: websocket", ...HANDSHAKE),
  );
  expect([status, JSON.parse(body).error]).toEqual([
    404,
    "no WebSocket route at /data/s/nothing; /asyncapi.json lists the routes",
  ]);
});

test.each([
  "http:///healthz",
  "http://user@localhost/healthz",
  "http://localhost:abc/healthz",
  "ftp://localhost/healthz",
  "ws://localhost/healthz",
  "*",
])("rejects the target %s", async (target) => {
  const { status, body } = await raw(`GET ${target} HTTP/1.1`);
  expect([status, JSON.parse(body)]).toEqual([
    400,
    {
      error: `the request target must be a path, or an http URL with a host and without a user, got ${JSON.stringify(target)}`,
      code: "BAD_REQUEST",
    },
  ]);
});

const ALL_METHODS = "GET, POST, PUT, PATCH, DELETE, HEAD";

test("OPTIONS * lists the methods of the server", async () => {
  const { status, headers } = await raw("OPTIONS * HTTP/1.1");
  expect([status, headers.allow]).toEqual([204, ALL_METHODS]);
});

test.each(["localhost:80", "/", "http://localhost/"])("CONNECT %s is a 405", async (target) => {
  const { status, headers, body } = parseRaw(await exchange(`CONNECT ${target} HTTP/1.1`));
  expect([status, headers.allow, headers.connection]).toEqual([405, ALL_METHODS, "close"]);
  expect(JSON.parse(body)).toEqual({
    error: `CONNECT is not allowed, because the gateway is not a proxy; use ${ALL_METHODS}`,
    code: "METHOD_NOT_ALLOWED",
  });
});

test("a CONNECT after another request is rejected after its response", async () => {
  const text = await exchange("GET /healthz HTTP/1.1", "", "CONNECT localhost:80 HTTP/1.1");
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 405"]);
});

test.each([
  ["/console/%00", 404, "NOT_FOUND"],
  ["/console/a%00b", 404, "NOT_FOUND"],
  ["/docs/static/%00", 404, "NOT_FOUND"],
  ["/console/%2e%2e%2fpackage.json", 404, "NOT_FOUND"],
  ["/recordings/%00", 404, "NOT_FOUND"],
  ["/graphql/%00", 404, "NOT_FOUND"],
  ["/console/%ff", 400, "BAD_REQUEST"],
  ["/docs/static/%zz", 400, "BAD_REQUEST"],
  ["/recordings/%ff", 400, "BAD_REQUEST"],
  ["/graphql/%zz", 400, "BAD_REQUEST"],
  ["/data/s/entries/%ff", 400, "BAD_REQUEST"],
  ["/data/%ff/entries", 400, "BAD_PARAMETER"],
])("reports an invalid path as such: %s", async (path, status, code) => {
  const answer = await raw(`GET ${path} HTTP/1.1`);
  expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
});
