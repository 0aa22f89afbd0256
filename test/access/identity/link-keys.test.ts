/** Link keys: keys in the URLs of viewers, which cannot set headers. They are accepted nowhere else, and may only read. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeKey } from "../../../src/access/identity/key-file.ts";
import { connectViewer } from "../../support/clients/foxglove-client.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let keys: TestKeys;
let link: string;
let ordinary: string;
let gateway: TestGateway;
const lines: string[] = [];

beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  link = keys.addLink("panel", ["read:rover:*"]);
  ordinary = keys.add("robot", ["read:rover:*"]);
  const log = (...parts: unknown[]) => void lines.push(JSON.stringify(parts));
  const logger = { ...silent, debug: log, info: log, warn: log, error: log };
  const env = { AUTH: "1", AUTH_KEYS_FILE: keys.path, PATH_PREFIX: "/streams" };
  gateway = await startTestGateway(redis.url, env, logger);
  for (const key of ["rover:imu", "base:imu"]) await redis.control.call("XADD", key, "1-1", "d", '{"x": 1}');
});
afterAll(async () => {
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

test.each(["/foxglove", "/foxglove/rover", "/foxglove/"])("opens %s with its permissions", async (path) => {
  await using viewer = await connectViewer(`${gateway.ws}${path}?key=${link}`);
  await viewer.received(await viewer.subscribe("/rover/imu"), 1);
  expect([...viewer.channels.keys()]).toEqual(["/rover/imu"]);
});

describe("is rejected", () => {
  const sdk = ["foxglove.sdk.v1"];

  test.each([
    ["in a header", () => connectSocket(`${gateway.ws}/foxglove`, { "x-api-key": link }, sdk)],
    ["as a subprotocol", () => connectSocket(`${gateway.ws}/foxglove`, {}, [...sdk, `bearer.${link}`])],
    ["on another WebSocket", () => connectSocket(`${gateway.ws}/data/imu/pull?device_id=rover&key=${link}`)],
    ["of a stream named foxglove", () => connectSocket(`${gateway.ws}/data/foxglove/pull?key=${link}`)],
    ["if it is another kind of key", () => connectSocket(`${gateway.ws}/foxglove?key=${ordinary}`, {}, sdk)],
    ["if it is no key", () => connectSocket(`${gateway.ws}/foxglove?key=secret`, {}, sdk)],
  ])("%s", async (_, connect) => {
    await expect(connect()).rejects.toThrow("401");
  });

  test("by HTTP routes, in the URL and in a header", async () => {
    const urls = ["/data/foxglove", "/data/imu?device_id=rover", "/"].map((path) => gateway.http + path);
    for (const url of urls) {
      expect((await request(`${url}${url.includes("?") ? "&" : "?"}key=${link}`)).status).toBe(401);
      expect((await request(url, { headers: { authorization: `Bearer ${link}` } })).status).toBe(401);
    }
  });

  test("for another device", async () => {
    const one = await connectSocket(`${gateway.ws}/foxglove/base?key=${link}`, {}, sdk);
    expect((await one.closed).code).toBe(4403);
  });
});

test("is never logged", async () => {
  await request(`${gateway.http}/foxglove?key=${link}`);
  await request(`${gateway.http}/foxglove?key=${link.slice(0, -1)}!`);
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join()).not.toContain(link.slice(-40, -2));
});

test("may only have permissions to read", () => {
  const grants = [{ action: "write", pattern: "rover:*" }] as const;
  expect(() => makeKey({ name: "x", grants, isLink: true })).toThrow(
    "the permissions of link key x must begin with read:, got write:rover:*",
  );
});
