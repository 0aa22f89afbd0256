/** Requests rejected before authentication, on every route: the status, one log line, and a metric. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { request } from "../support/clients/http.ts";
import { connectSocket } from "../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { ROUTES, statusOf } from "../support/gateway/routes.ts";
import { silent, startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
/** A text that must not appear in the log. */
const SECRET = "secret";
/** Logged warnings. */
let logged: object[] = [];
const logger = { ...silent, warn: (fields: object, message: string) => logged.push({ ...fields, message }) };

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(
    redis.url,
    { MAX_HEADER_BYTES: "2k", MAX_MESSAGE_BYTES: "2k", GRAPHQL_MAX_BYTES: "1k" },
    logger,
  );
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});
afterEach(() => {
  logged = [];
});

const rejections = async (code: string) => {
  const { text } = await request(`${gateway.http}/metrics`);
  return Number(
    new RegExp(`^redis_streamer_rejections_total{code="${code}"} (\\d+)$`, "m").exec(text)?.[1] ?? 0,
  );
};

describe.each([
  ["another site's page", { origin: "https://evil.example" }, "403", "FORBIDDEN_ORIGIN"],
  ["a page without an origin", { origin: "null" }, "403", "FORBIDDEN_ORIGIN"],
  ["a host that is not its own", { host: "evil.example" }, "403", "FORBIDDEN_HOST"],
  [
    "another site's picture",
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", referer: "https://evil.example/" },
    "403",
    "FORBIDDEN_ORIGIN",
  ],
  ["a head over the limit", { "x-large": SECRET.repeat(500) }, "431", "HEADERS_TOO_LARGE"],
] as const)("%s", (_, shown, status, code) => {
  test.each(ROUTES)("at $name", async (route) => {
    const before = await rejections(code);
    expect(statusOf(await route.send(gateway, "cam", { ...shown }))).toBe(status);
    expect(logged).toEqual([
      expect.objectContaining({ code, message: "a request was rejected", address: "127.0.0.1" }),
    ]);
    expect(JSON.stringify(logged)).not.toContain(SECRET.repeat(2));
    expect(await rejections(code)).toBe(before + 1);
  });
});

test("sends the client the id that is in the log", async () => {
  const answer = await request(gateway.http, { headers: { origin: "https://evil.example" } });
  expect(answer.headers["x-connection-id"]).toMatch(/^\w+-\w+$/);
  expect(logged).toEqual([expect.objectContaining({ connection: answer.headers["x-connection-id"] })]);
});

describe("rejects as too large", () => {
  test.each([
    ["/data/cam", "text/plain"],
    ["/data/cam", "multipart/form-data; boundary=x"],
    ["/graphql", "application/json"],
    ["/login", "application/json"],
    ["/tickets", "application/json"],
  ])("a body for %s of %s", async (path, type) => {
    const before = await rejections("TOO_LARGE");
    const answer = await request(gateway.http + path, {
      method: "POST",
      headers: { "content-type": type },
      body: SECRET.repeat(1000),
    });
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([413, "TOO_LARGE"]);
    expect(logged).toEqual([
      expect.objectContaining({ code: "TOO_LARGE", route: `POST ${path.replace("cam", "{stream_id}")}` }),
    ]);
    expect(JSON.stringify(logged)).not.toContain(SECRET.repeat(2));
    expect(await rejections("TOO_LARGE")).toBe(before + 1);
  });

  test.each(["/data/cam/push", "/data/cam/pull", "/graphql"])("a message for %s", async (path) => {
    const before = await rejections("TOO_LARGE");
    const protocols = path === "/graphql" ? ["graphql-transport-ws"] : [];
    await using socket = await connectSocket(gateway.ws + path, {}, protocols);
    socket.send(SECRET.repeat(1000));
    expect((await socket.closed).code).toBe(1009);
    await until("the rejection is counted", async () => (await rejections("TOO_LARGE")) === before + 1);
    expect(logged).toEqual([
      expect.objectContaining({ code: "TOO_LARGE", message: "a request was rejected" }),
    ]);
    expect(JSON.stringify(logged)).not.toContain(SECRET.repeat(2));
  });
});

test("rejects too many requests on every HTTP route", async () => {
  await using limited = await startTestGateway(redis.url, { MAX_BYTES_PER_SECOND: "1000" }, logger);
  // Paying off this debt takes a quarter of an hour.
  const body = Buffer.alloc(1_000_000);
  expect((await request(`${limited.http}/data/cam`, { method: "POST", body })).status).toBe(200);
  for (const route of ROUTES.filter(
    ({ name }) => !/^(push|pull|work|Foxglove|GraphQL subscription)$/.test(name),
  )) {
    logged = [];
    expect(`${route.name} ${await route.send(limited, "cam", {})}`).toBe(
      `${route.name} 429 TOO_MANY_REQUESTS`,
    );
    expect(logged).toEqual([
      expect.objectContaining({ code: "TOO_MANY_REQUESTS", message: "a request was rejected" }),
    ]);
  }
});

test("rejects too many connections on every route with long-lived ones", async () => {
  await using limited = await startTestGateway(redis.url, { MAX_SOCKETS_PER_ADDRESS: "5" }, logger);
  const held = await Promise.all(
    Array.from({ length: 5 }, () => connectSocket(`${limited.ws}/data/cam/pull`)),
  );
  await redis.control.call("XADD", "default:cam", "*", "d", "x");
  for (const name of ["push", "pull", "SSE", "MJPEG", "GraphQL subscription", "GraphQL events"]) {
    logged = [];
    const route = ROUTES.find((candidate) => candidate.name === name);
    expect(`${name} ${statusOf((await route?.send(limited, "cam", {})) ?? "")}`).toBe(`${name} 429`);
    expect(logged).toEqual([
      expect.objectContaining({ code: "TOO_MANY_CONNECTIONS", message: "a request was rejected" }),
    ]);
  }
  for (const one of held) one.raw.terminate();
});

describe("limits the log of a hostile client", () => {
  const mutations = Array.from({ length: 20 }, (_, n) => `a${n}: deleteStream(streamId: ":x", deviceId: "")`);
  const graphql = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: `mutation { ${mutations.join(" ")} }` }),
  };

  test.each([
    ["errors of GraphQL fields", "/graphql", graphql, "FORBIDDEN", 20],
    ["heads over the limit", "/", { headers: { "x-large": "x".repeat(4000) } }, "HEADERS_TOO_LARGE", 1],
    ["pages of other sites", "/", { headers: { origin: "https://evil.example" } }, "FORBIDDEN_ORIGIN", 1],
  ] as const)("that causes %s", async (_, path, options, code, each) => {
    await using flooded = await startTestGateway(redis.url, { MAX_HEADER_BYTES: "2k" }, logger);
    const requests = 800 / each;
    for (let n = 0; n < requests; n++) await request(flooded.http + path, options);
    expect(logged.length).toBeGreaterThanOrEqual(500);
    // One more line per second.
    expect(logged.length).toBeLessThan(700);
    const { text } = await request(`${flooded.http}/metrics`);
    expect(text).toContain(`redis_streamer_rejections_total{code="${code}"} 800\n`);
  });

  test("that requests a long path", async () => {
    await request(`${gateway.http}/${"x".repeat(1500)}`, { headers: { origin: "https://evil.example" } });
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged).length).toBeLessThan(1000);
  });
});
