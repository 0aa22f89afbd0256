/** Permissions of recordings: `read` on every recorded stream, and `admin` to delete. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordingStatus } from "../../src/recordings/recording-status.ts";
import { request } from "../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../support/gateway/keys.ts";
import { bearer, guardedBy, tokenFor } from "../support/gateway/tokens.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let keys: TestKeys;
const directory = mkdtempSync(join(tmpdir(), "recordings-"));

beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  gateway = await startTestGateway(redis.url, { ...guardedBy(keys), RECORDINGS_DIR: directory });
  await redis.control.call("XADD", "rover:cam", "1-0", "d", "a");
  await redis.control.call("XADD", "rover:imu", "1-0", "d", "secret");
});
afterAll(async () => {
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** Sends a request with permissions. @returns its status and body */
async function as(permissions: readonly string[], method: string, path: string, body?: object) {
  const headers = bearer(await tokenFor(permissions));
  const answer = await request(`${gateway.http}/recordings${path}`, {
    ...{ method, headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, value: answer.text.startsWith("{") ? answer.json() : answer.text };
}

const CAM = ["read:rover:cam"];

it("a pattern records the streams that the client may read, also those that appear later", async () => {
  const started = await as(CAM, "POST", "", { name: "mine", device: "rover", streams: ["*"], from: "0" });
  expect(started.status).toBe(201);
  await redis.control.call("XADD", "rover:gps", "2-0", "d", "secret");
  await redis.control.call("XADD", "rover:cam", "3-0", "d", "b");
  const status = async () => (await as(CAM, "GET", "/mine")).value as RecordingStatus;
  await until("both entries", async () => (await status()).entries === 2);
  expect((await status()).streams).toEqual(["rover:cam"]);
});

it("a stream that the client may not read is not recorded", async () => {
  const answer = await as(CAM, "POST", "", { device: "rover", streams: ["cam", "imu"] });
  expect(answer).toMatchObject({ status: 403, value: { code: "FORBIDDEN" } });
});

it("a recording does not exist for clients that may not read its streams", async () => {
  const other = ["read:rover:imu", "admin:other:*"];
  expect((await as(other, "GET", "")).value).toBe("[]");
  for (const [method, path] of [
    ["GET", "/mine"],
    ["GET", "/mine.mcap"],
    ["POST", "/mine/stop"],
    ["DELETE", "/mine"],
  ] as const)
    expect((await as(other, method, path)).status, `${method} ${path}`).toBe(404);
  expect((await as(CAM, "GET", "/mine")).status).toBe(200);
});

it("one without streams exists for its owner and for operators", async () => {
  await as(CAM, "POST", "", { name: "empty", device: "none", streams: ["*"] });
  // All tokens of this file have the same subject, so a key is another client.
  const key = keys.add("other", ["read:rover:cam"]);
  const seen = async (permissions: readonly string[]) => (await as(permissions, "GET", "/empty")).status;
  expect([await seen(CAM), await seen(["admin"])]).toEqual([200, 200]);
  await until("the key is known", async () => {
    const answer = await request(`${gateway.http}/recordings/mine`, { headers: bearer(key) });
    return answer.status === 200;
  });
  expect((await request(`${gateway.http}/recordings/empty`, { headers: bearer(key) })).status).toBe(404);
});

it("read stops and downloads, and admin deletes", async () => {
  expect(await as(CAM, "POST", "/mine/stop")).toMatchObject({ status: 200, value: { state: "stopped" } });
  expect((await as(CAM, "GET", "/mine.mcap")).status).toBe(200);
  expect(await as(CAM, "DELETE", "/mine")).toMatchObject({ status: 403, value: { code: "FORBIDDEN" } });
  expect((await as(["admin:rover:cam"], "DELETE", "/mine")).status).toBe(204);
  expect((await as(["admin"], "DELETE", "/empty")).status).toBe(204);
});

it("one identity has at most half of the recordings in progress, and an operator all of them", async () => {
  await using limited = await startTestGateway(redis.url, {
    ...{ ...guardedBy(keys), MAX_RECORDINGS: "3" },
    RECORDINGS_DIR: mkdtempSync(join(directory, "shared-")),
  });
  const start = async (name: string, credentials: string) => {
    const answer = await request(`${limited.http}/recordings`, {
      ...{ method: "POST", headers: bearer(credentials) },
      body: JSON.stringify({ name, device: "rover", streams: ["cam"] }),
    });
    return answer.status === 201 ? 201 : answer.json();
  };
  const alice = await tokenFor(CAM);
  const key = keys.add("bob", CAM);
  expect([await start("a1", alice), await start("a2", alice)]).toEqual([201, 201]);
  expect(await start("a3", alice)).toEqual({
    code: "TOO_MANY_RECORDINGS",
    error: "jwt:alice has reached its limit of 2 recordings in progress, half of MAX_RECORDINGS",
  });
  await until("another identity records", async () => (await start("b1", key)) === 201);
  await request(`${limited.http}/recordings/b1/stop`, { method: "POST", headers: bearer(key) });
  // The same identity, with the permission of an operator.
  const operator = await tokenFor(["admin"]);
  expect(await start("a3", operator)).toBe(201);
  expect(await start("a4", operator)).toMatchObject({
    error: "the gateway has reached its limit of 3 recordings in progress",
  });
});

describe("playing", () => {
  const OWN = ["read:rover:*", "write:played-replay:*"];

  beforeAll(async () => {
    await redis.control.call("XADD", "rover:slow", "1-0", "d", "a");
    await redis.control.call("XADD", "rover:slow", "9000000000-0", "d", "b");
    await as(["read"], "POST", "", { name: "played", device: "rover", streams: ["slow"], from: "0" });
    await as(["read"], "POST", "/played/stop");
  });

  it.each([
    ["the recorded streams", ["write"], 404],
    ["all of them", ["read:rover:cam", "write"], 404],
    ["the streams to write, and does not take a read permission for it", ["read", "write:other:*"], 403],
  ])("requires permission for %s", async (_, permissions, status) => {
    expect((await as(permissions, "POST", "/played/play")).status).toBe(status);
    expect(await redis.control.call("EXISTS", "played-replay:slow")).toBe(0);
  });

  it("stores in streams that the client may write, and shows their names to those who may read them", async () => {
    expect((await as(OWN, "POST", "/played/play", { device: "rover" })).status).toBe(403);
    expect((await as(OWN, "POST", "/played/play", { device: "" })).status).toBe(403);
    const started = await as(OWN, "POST", "/played/play");
    expect(started).toMatchObject({ status: 201, value: { playback: { state: "playing" } } });
    expect((started.value as RecordingStatus).playback?.streams).toEqual({});
    const all = { "rover:slow": "played-replay:slow" };
    expect((await as(["read"], "GET", "/played")).value).toMatchObject({ playback: { streams: all } });
    for (const change of ["pause", "continue", "stop"]) {
      expect((await as(["read"], "POST", `/played/play/${change}`)).status, change).toBe(403);
      expect((await as(OWN, "POST", `/played/play/${change}`)).status, change).toBe(200);
    }
  });

  it("ends when the key of its client is revoked", async () => {
    const key = keys.add("player", OWN);
    const send = (path: string, method: string) =>
      request(`${gateway.http}/recordings/played${path}`, { method, headers: bearer(key) });
    await until("the key is known", async () => (await send("", "GET")).status === 200);
    expect((await send("/play", "POST")).status).toBe(201);
    keys.revoke("player");
    const status = async () => (await as(["read"], "GET", "/played")).value as RecordingStatus;
    await until("the end", async () => (await status()).playback?.ended !== null);
    expect((await status()).playback).toMatchObject({
      ...{ state: "failed", error: "the token has expired or its key was revoked" },
      owner: "key:player",
    });
  });

  it("counts the streams that are written", async () => {
    await using limited = await startTestGateway(redis.url, {
      ...{ ...guardedBy(keys), RECORDINGS_DIR: mkdtempSync(join(directory, "limited-")) },
      MAX_STREAMS_PER_IDENTITY: "1",
    });
    const headers = bearer(await tokenFor(["read", "write"]));
    const post = (path: string, body: object) =>
      request(`${limited.http}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    await post("/recordings", { name: "two", device: "rover", streams: ["cam", "imu"], from: "0" });
    await post("/recordings/two/stop", {});
    expect((await post("/recordings/two/play", {})).json()).toMatchObject({ code: "TOO_MANY_STREAMS" });
  });
});
