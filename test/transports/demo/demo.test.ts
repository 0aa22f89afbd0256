/** `/demo`: a device that the gateway plays until it is stopped. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DEMO_STREAMS } from "../../../src/demo/demo-entries.ts";
import type { DemoStatus } from "../../../src/transports/demo/demo-status.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys } from "../../support/gateway/keys.ts";
import { bearer, guardedBy, tokenFor } from "../../support/gateway/tokens.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterEach(async () => {
  await send("DELETE");
  await redis.control.call("FLUSHALL");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

type Headers = Readonly<Record<string, string>>;

const send = (method: string, body?: string, to = gateway, headers: Headers = {}) =>
  request(`${to.http}/demo`, { method, headers, ...(body !== undefined && { body }) });

const deviceOf = async (from = gateway, headers: Headers = {}) =>
  ((await send("GET", undefined, from, headers)).json() as { device: DemoStatus | null }).device;

const lengthOf = async (key: string) => Number(await redis.control.call("XLEN", key));

describe("the demo device", () => {
  it("stores entries in all of its streams, with the metadata that viewers use, until it is stopped", async () => {
    expect((await send("GET")).json()).toEqual({ enabled: true, device: null });
    const started = await send("POST");
    expect(started.status, started.text).toBe(201);
    expect(started.headers.location).toBe("/demo");
    for (const stream of DEMO_STREAMS)
      await until(`entries of ${stream}`, async () => (await lengthOf(`rover:${stream}`)) > 1);
    expect(
      (await request(`${gateway.http}/data/camera/entries/last?device_id=rover`)).headers["content-type"],
    ).toBe("image/png");
    const meta = await request(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: '{ stream(id: "rover:detections") { meta } }' }),
    });
    expect(meta.json()).toEqual({
      data: { stream: { meta: { view: "boxes", of: "camera", maxEntries: 0, maxAge: "5m" } } },
    });
    const playing = await deviceOf();
    expect(playing).toMatchObject({
      device: "rover",
      state: "playing",
      error: null,
      notStored: 0,
      owner: "anyone",
    });
    expect(playing?.stored).toBeGreaterThan(DEMO_STREAMS.length);

    expect((await send("DELETE")).status).toBe(204);
    expect(await deviceOf()).toBeNull();
    // The next device has the thread, so the first one has sent everything that it will.
    const length = await lengthOf("rover:imu");
    await send("POST", '{"device": "next"}');
    await until("entries of the next one", async () => (await lengthOf("next:imu")) > 5);
    expect(await lengthOf("rover:imu")).toBe(length);
  });

  it("continues if it is started again, and gives way to another device", async () => {
    const first = (await send("POST")).json() as DemoStatus;
    const again = (await send("POST", '{"device": "rover"}')).json() as DemoStatus;
    expect(again.started).toBe(first.started);
    await send("POST", '{"device": "r2"}');
    await until("entries of the other device", async () => (await lengthOf("r2:imu")) > 0);
    expect((await deviceOf())?.streams).toEqual(DEMO_STREAMS.map((stream) => `r2:${stream}`));
    const length = await lengthOf("rover:imu");
    await until("more entries", async () => (await lengthOf("r2:imu")) > 20);
    expect(await lengthOf("rover:imu")).toBe(length);
  });

  it("fails with the reason if a stream cannot be written", async () => {
    await redis.control.call("SET", "rover:imu", "text");
    await send("POST");
    await until("a failure", async () => (await deviceOf())?.state === "failed");
    expect((await deviceOf())?.error).toContain("rover:imu");
    await redis.control.call("DEL", "rover:imu");
    expect(((await send("POST")).json() as DemoStatus).state).toBe("playing");
  });

  it("continues after an outage of Redis, and counts what is lost", async () => {
    await using other = await startRedis();
    await using to = await startTestGateway(other.url);
    await send("POST", undefined, to);
    await until("entries", async () => ((await deviceOf(to))?.stored ?? 0) > 0);
    await other.kill();
    await until("a loss", async () => ((await deviceOf(to))?.notStored ?? 0) > 0);
    const lost = await deviceOf(to);
    expect(lost).toMatchObject({ state: "playing", error: expect.stringContaining("Redis") });
    await other.start();
    await until("further entries", async () => ((await deviceOf(to))?.stored ?? 0) > (lost?.stored ?? 0));
    await until("no error", async () => (await deviceOf(to))?.error === null);
  });

  it.each([
    ["a list", "[1]", "BAD_BODY", "the body must be a JSON object"],
    ["another member", '{"rate": 2}', "BAD_PARAMETER", "rate is not a member; the body has device"],
    ["a pattern", '{"device": "r*"}', "BAD_PARAMETER", "device must be a device id"],
    ["no device", '{"device": ""}', "BAD_PARAMETER", "device must be a device id"],
    [
      "a long device",
      JSON.stringify({ device: "x".repeat(10_000) }),
      "BAD_PARAMETER",
      "device must be at most",
    ],
    ["keys of the gateway", '{"device": ":x"}', "FORBIDDEN", 'keys that begin with ":" are read-only'],
  ])("rejects %s", async (_what, body, code, message) => {
    const { status, text } = await send("POST", body);
    expect(JSON.parse(text)).toEqual({ code, error: expect.stringContaining(message) });
    expect(status).toBe(code === "FORBIDDEN" ? 403 : 400);
    expect(await deviceOf()).toBeNull();
  });

  it("is not played with DEMO=0", async () => {
    await using to = await startTestGateway(redis.url, { DEMO: "0", MAX_STREAMS_PER_IDENTITY: "1" });
    expect((await send("GET", undefined, to)).json()).toEqual({ enabled: false, device: null });
    const { status, text } = await send("POST", undefined, to);
    expect(status).toBe(403);
    expect(JSON.parse(text)).toEqual({
      code: "NOT_ENABLED",
      error: "the demo device is disabled; set DEMO=1 to enable it",
    });
    // The rejected request did not count.
    expect((await request(`${to.http}/data/one`, { method: "POST", body: "x" })).status).toBe(200);
  });
});

describe("permissions of the demo device", () => {
  it("requires the permission to write all of its streams, also to stop it or to take its place", async () => {
    using keys = createTestKeys();
    await using to = await startTestGateway(redis.url, guardedBy(keys));
    const as = async (...permissions: readonly string[]) => bearer(await tokenFor(permissions));
    const one = await as("write:rover:imu", "write:r2:*");
    const all = await as("write:rover:*", "read:rover:*");
    expect((await send("POST", undefined, to, one)).json()).toMatchObject({ code: "FORBIDDEN" });
    expect((await send("POST", undefined, to, all)).status).toBe(201);
    expect((await send("DELETE", undefined, to, one)).json()).toMatchObject({ code: "FORBIDDEN" });
    expect((await send("POST", '{"device": "r2"}', to, one)).json()).toMatchObject({ code: "FORBIDDEN" });
    expect(await deviceOf(to, one)).toBeNull();
    expect(await deviceOf(to, all)).toMatchObject({ device: "rover", state: "playing" });
    expect((await send("DELETE", undefined, to, all)).status).toBe(204);
  });

  it("is not required for a device that has failed", async () => {
    using keys = createTestKeys();
    await using to = await startTestGateway(redis.url, guardedBy(keys));
    const as = async (permission: string) => bearer(await tokenFor([permission]));
    await redis.control.call("SET", "rover:imu", "text");
    await send("POST", undefined, to, await as("write:rover:*"));
    const reader = await as("read:*");
    await until("a failure", async () => (await deviceOf(to, reader))?.state === "failed");
    expect((await send("POST", '{"device": "r2"}', to, await as("write:r2:*"))).status).toBe(201);
  });

  it("fails when the key of its client is revoked", async () => {
    using keys = createTestKeys();
    await using to = await startTestGateway(redis.url, guardedBy(keys));
    const player = bearer(keys.add("player", ["write:rover:*"]));
    const reader = bearer(await tokenFor(["read:*"]));
    await until("it is played", async () => (await send("POST", undefined, to, player)).status === 201);
    keys.revoke("player");
    await until("its end", async () => (await deviceOf(to, reader))?.state === "failed");
    expect((await deviceOf(to, reader))?.error).toBe("the token has expired or its key was revoked");
  });
});
