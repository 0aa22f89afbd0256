/** Behaviour of all HTTP routes: URLs, methods, CORS and error responses. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, parseRaw, rawExchange, request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let host: string;
let port: number;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  ({ host } = new URL(gateway.http));
  port = Number(new URL(gateway.http).port);
  await redis.control.call("XADD", "default:s", "1-0", "d", "payload");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const ask = (path: string, method = "GET", headers: Record<string, string> = {}) =>
  request(`${gateway.http}${path}`, { method, headers });
/** Sends a raw request line, for URLs that an HTTP client would normalize. */
const raw = async (line: string, ...headers: string[]) =>
  parseRaw(
    await rawExchange(port, [line, `Host: ${host}`, "Connection: close", ...headers, "", ""].join("\r\n")),
  );
const statusAndBody = (answer: Answer) => [answer.status, answer.json()];

describe("URLs", () => {
  test.each(["/data/s?last_entry_id=0", "/data/s/?last_entry_id=0", "/data/s/entries", "/data/s/entries/"])(
    "“a path with and without a trailing slash is the same path”: %s",
    async (path) => {
      expect((await ask(path)).text).toBe("payload");
    },
  );

  test.each(["/healthz/", "/readyz/", "/metrics/", "/openapi.json/"])("%s too", async (path) => {
    expect((await ask(path)).status).toBe(200);
  });

  test("a POST too", async () => {
    const answer = await request(`${gateway.http}/data/slash/`, { method: "POST", body: "x" });
    expect(answer.status).toBe(200);
    expect((await ask("/data/slash?last_entry_id=0")).text).toBe("x");
  });

  test.each([
    ["a%2Fb", "a/b"],
    ["a%2fb", "a/b"],
    ["%2F", "/"],
    ["a%2Fb%2F", "a/b/"],
    ["a%252Fb", "a%2Fb"],
    ["a%3Fb", "a?b"],
    ["a%23b", "a#b"],
    ["a%20b", "a b"],
    ["entries", "entries"],
    ["push", "push"],
    ["..%2F..", "../.."],
    ["%E9%9B%AA", "雪"],
    ["%00", "\0"],
  ])("“a slash in a stream id travels as %%2F”: %s is stream %s", async (segment, stream) => {
    const stored = await request(`${gateway.http}/data/${segment}`, { method: "POST", body: stream });
    expect(stored.status).toBe(200);
    const [[, payload]] = (await redis.control.call("XRANGE", `default:${stream}`, "-", "+")) as [
      [Buffer, Buffer[]],
    ];
    expect(String(payload[1])).toBe(stream);
    for (const path of [`${segment}?last_entry_id=0`, `${segment}/entries?count=1`]) {
      const answer = await ask(`/data/${path}`);
      expect(answer.text).toBe(stream);
      expect(JSON.parse(String(answer.headers["x-offsets"]))[0][0]).toBe(stream);
    }
  });

  test.each(["/nothing", "/data", "/data/", "/data/a/b", "/data/a/entries/b/c", "//data/a"])(
    "there is nothing at %s",
    async (path) => {
      const { status, body } = await raw(`GET ${path} HTTP/1.1`);
      expect([status, JSON.parse(body)]).toEqual([
        404,
        { error: `there is nothing at ${path}`, code: "NOT_FOUND" },
      ]);
    },
  );

  test("rejects a path that is not percent-encoded UTF-8", async () => {
    expect(JSON.parse((await raw("GET /data/%zz HTTP/1.1")).body)).toEqual({
      error: "stream_id is not percent-encoded UTF-8",
      code: "BAD_PARAMETER",
    });
    expect(JSON.parse((await raw("GET /%zz HTTP/1.1")).body)).toEqual({
      error: "the path is not percent-encoded UTF-8",
      code: "BAD_REQUEST",
    });
  });
});

describe("methods", () => {
  test.each([
    ["DELETE", "/data/s", "GET, POST"],
    ["PUT", "/data/s", "GET, POST"],
    ["PATCH", "/data/s/", "GET, POST"],
    ["OPTIONS", "/data/s", "GET, POST"],
    ["POST", "/data/s/entries", "GET"],
    ["POST", "/data/s/events", "GET"],
    ["POST", "/data/s/pull", "GET"],
    ["DELETE", "/healthz", "GET, HEAD"],
    ["POST", "/", "GET, HEAD"],
    ["PROPFIND", "/metrics", "GET"],
  ])("%s of %s is a 405 that names those there are", async (method, path, allowed) => {
    const answer = await ask(path, method);
    expect(statusAndBody(answer)).toEqual([
      405,
      { error: `${method} is not allowed for this path; use ${allowed}`, code: "METHOD_NOT_ALLOWED" },
    ]);
    expect(answer.headers.allow).toBe(allowed);
  });

  test.each(["/", "/healthz", "/readyz", "/login", "/openapi.json"])(
    "HEAD of %s is its GET without the body",
    async (path) => {
      const [head, get] = [await ask(path, "HEAD"), await ask(path)];
      expect([head.status, head.text]).toEqual([200, ""]);
      expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
    },
  );

  test("HEAD of the documentation has the headers of its GET", async () => {
    const [head, get] = [await ask("/docs", "HEAD"), await ask("/docs")];
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["content-type", "content-security-policy"])
      expect(head.headers[name]).toBe(get.headers[name]);
  });

  test("HEAD of a stream is a 405 without a body", async () => {
    const answer = await ask("/data/s", "HEAD");
    expect([answer.status, answer.text, answer.headers.allow]).toEqual([405, "", "GET, POST"]);
  });

  test.each(["push", "pull"])(
    "GET of %s reports that it requires a WebSocket handshake",
    async (direction) => {
      const answer = await ask(`/data/s/${direction}`);
      expect(statusAndBody(answer)).toEqual([
        426,
        {
          error: `/data/{stream_id}/${direction} is a WebSocket: connect with ws:// or wss://. If the client does, a proxy removed the Upgrade header; configure it to pass on Upgrade and Connection`,
          code: "UPGRADE_REQUIRED",
        },
      ]);
      expect(answer.headers).toMatchObject({ upgrade: "websocket", connection: "upgrade, close" });
    },
  );
});

describe("pages of other origins (CORS)", () => {
  const PAGE = "http://localhost:3000";
  const FOREIGN = "https://evil.example";

  test("a local page may read responses and their headers", async () => {
    const answer = await ask("/data/s?last_entry_id=0", "GET", { origin: PAGE });
    expect(answer.headers["access-control-allow-origin"]).toBe(PAGE);
    expect(answer.headers.vary).toBe("Origin");
    const exposed = String(answer.headers["access-control-expose-headers"]).split(", ");
    expect(exposed).toEqual(expect.arrayContaining(["x-offsets", "x-last-entry-id", "x-entry-id", "x-lost"]));
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test("and errors", async () => {
    for (const path of ["/data/s?count=x", "/nothing"]) {
      const answer = await ask(path, "GET", { origin: PAGE });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.headers["access-control-allow-origin"]).toBe(PAGE);
    }
  });

  test("and events and pictures, whose responses stay open", async () => {
    for (const path of ["events", "mjpeg"]) {
      const url = `${gateway.http}/data/s/${path}`;
      const answer = await fetch(url, { headers: { origin: PAGE } });
      expect(answer.headers.get("access-control-allow-origin")).toBe(PAGE);
      await answer.body?.cancel();
    }
  });

  test("responds to a preflight with the allowed methods and headers", async () => {
    const answer = await ask("/data/s", "OPTIONS", {
      origin: PAGE,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    });
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-origin"]).toBe(PAGE);
    expect(answer.headers["access-control-allow-methods"]).toContain("POST");
    expect(answer.headers["access-control-allow-headers"]).toBe("content-type");
  });

  test.each([FOREIGN, "null", "http://localhost.evil.example"])("rejects a page of %s", async (origin) => {
    const before = await redis.control.call("XLEN", "default:s");
    const answers = [
      await ask("/data/s?last_entry_id=0", "GET", { origin }),
      await request(`${gateway.http}/data/s`, { method: "POST", body: "x", headers: { origin } }),
      await ask("/data/s", "OPTIONS", { origin, "access-control-request-method": "POST" }),
    ];
    for (const answer of answers) {
      expect(statusAndBody(answer)).toEqual([
        403,
        { error: expect.stringContaining(origin), code: "FORBIDDEN_ORIGIN" },
      ]);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
    expect(await redis.control.call("XLEN", "default:s")).toBe(before);
  });

  test("ALLOWED_ORIGINS admits other origins", async () => {
    await using open = await startTestGateway(redis.url, { ALLOWED_ORIGINS: FOREIGN });
    const answer = await request(`${open.http}/data/s?last_entry_id=0`, { headers: { origin: FOREIGN } });
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, FOREIGN]);
  });
});

describe("malformed requests", () => {
  const exchange = async (text: string) => {
    const answer = parseRaw(await rawExchange(port, text));
    return [answer.status, JSON.parse(answer.body)];
  };

  test.each(["GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "FOO / HTTP/1.1\r\n\r\n", "\0\0\0\0\r\n\r\n"])(
    "%j is a 400",
    async (text) => {
      expect(await exchange(text)).toEqual([
        400,
        { error: expect.stringContaining("not a valid HTTP/1.1 request: "), code: "BAD_REQUEST" },
      ]);
    },
  );

  test("rejects headers over the limit with 431 and the limit", async () => {
    expect(await exchange(`GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${"x".repeat(70_000)}\r\n\r\n`)).toEqual([
      431,
      { error: "the headers are over the limit of 65536 bytes", code: "HEADERS_TOO_LARGE" },
    ]);
  });

  test("rejects a WebSocket handshake of another version, or without a key, with what is required", async () => {
    const upgrade = ["Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
    for (const [status, code, ...headers] of [
      [426, "UPGRADE_REQUIRED", ...upgrade, "Sec-WebSocket-Version: 8"],
      [400, "BAD_REQUEST", upgrade[0] ?? "", "Sec-WebSocket-Version: 13"],
    ]) {
      const answer = parseRaw(
        await rawExchange(
          port,
          ["GET /data/s/pull HTTP/1.1", `Host: ${host}`, "Connection: Upgrade", ...headers, "", ""].join(
            "\r\n",
          ),
        ),
      );
      expect(answer.status).toBe(status);
      expect(answer.headers["sec-websocket-version"]).toBe("13");
      expect(answer.headers.upgrade).toBe(status === 426 ? "websocket" : undefined);
      expect(JSON.parse(answer.body)).toMatchObject({ code });
    }
  });
});

describe("a head that is rejected before routing", () => {
  const page = "Origin: http://localhost:3000";
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: ${i}`);
  const get = "GET /data/s?last_entry_id=0 HTTP/1.1";
  const host1 = "Host: localhost";

  test.each<[string, number, string, string[]]>([
    ["no Host", 400, "BAD_REQUEST", [get]],
    ["two Hosts", 400, "BAD_REQUEST", [get, host1, host1]],
    ["two different Hosts", 400, "BAD_REQUEST", [get, host1, "host: 127.0.0.1"]],
    ["another expectation", 417, "EXPECTATION_FAILED", [get, host1, "Expect: cookies"]],
    ["an unknown coding", 415, "UNSUPPORTED_MEDIA_TYPE", [get, host1, "Transfer-Encoding: gzip, chunked"]],
    ["a bad percent escape in the path", 400, "BAD_PARAMETER", ["GET /data/%zz HTTP/1.1", host1]],
    ["a bad percent escape elsewhere", 400, "BAD_REQUEST", ["GET /%zz HTTP/1.1", host1]],
    ["1,001 header lines", 431, "HEADERS_TOO_LARGE", [get, host1, ...lines(1001)]],
    ["5,000 header lines", 431, "HEADERS_TOO_LARGE", [get, host1, ...lines(5000)]],
  ])("%s: JSON that a page may read", async (_what, status, code, head) => {
    const answer = parseRaw(
      await rawExchange(
        port,
        [...head.slice(0, 1), page, "Connection: close", ...head.slice(1), "", ""].join("\r\n"),
      ),
    );
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, { error: expect.any(String), code }]);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "http://localhost:3000",
      "content-type": "application/json; charset=utf-8",
      "x-connection-id": expect.any(String),
      vary: "Origin",
    });
  });

  test("1,000 header lines and HTTP/1.0 without a Host are accepted", async () => {
    const close = "Connection: close";
    for (const head of [[get, host1, close, ...lines(998)], [get.replace("1.1", "1.0")]]) {
      const answer = parseRaw(await rawExchange(port, [...head, "", ""].join("\r\n")));
      expect([answer.status, answer.body]).toEqual([200, "payload"]);
    }
  });

  test.each<[string, number, string, string[]]>([
    ["two Hosts", 400, "BAD_REQUEST", [host1, host1]],
    ["no Host", 400, "BAD_REQUEST", []],
    ["a body", 400, "BAD_REQUEST", [host1, "Content-Length: 5"]],
    ["a chunked body", 400, "BAD_REQUEST", [host1, "Transfer-Encoding: chunked"]],
    ["1,001 header lines", 431, "HEADERS_TOO_LARGE", [host1, ...lines(1001)]],
  ])("an upgrade with %s", async (_what, status, code, head) => {
    const upgrade = [
      "GET /data/s/pull HTTP/1.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    const answer = parseRaw(await rawExchange(port, [...upgrade, ...head, "", ""].join("\r\n")));
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
  });
});

describe("an upgrade to another protocol is ignored (RFC 9110, 7.8)", () => {
  const OFFER = ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"];
  const send = async (line: string, rest: string, ...headers: string[]) => {
    const head = [line, `Host: ${host}`, "Connection: Upgrade, HTTP2-Settings, close", ...OFFER, ...headers];
    return parseRaw(await rawExchange(port, `${head.join("\r\n")}\r\n\r\n${rest}`));
  };

  test("of a GET", async () => {
    const { status, body } = await send("GET /data/s?last_entry_id=0 HTTP/1.1", "");
    expect([status, body]).toEqual([200, "payload"]);
  });

  test("of a POST, with its body", async () => {
    expect((await send("POST /data/h2c HTTP/1.1", "abc", "Content-Length: 3")).status).toBe(200);
    const chunks = "3\r\ndef\r\n1\r\ng\r\n0\r\n\r\n";
    expect((await send("POST /data/h2c HTTP/1.1", chunks, "Transfer-Encoding: chunked")).status).toBe(200);
    expect((await ask("/data/h2c?last_entry_id=0&count=2")).text).toBe("abcdefg");
  });
});
