/** Recordings of gateways that are killed, of disks that are full, and of several workers. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { openDecompression } from "../../../src/recordings/decompression.ts";
import type { RecordingStatus } from "../../../src/recordings/recording-status.ts";
import { request } from "../../support/clients/http.ts";
import { readFile } from "../../support/data/mcap.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { limitFiles, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until, WITHOUT_PROGRESS_MS } from "../../support/until.ts";

let redis: TestRedis;
const folder = mkdtempSync(join(tmpdir(), "recordings-"));

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const start = (name: string, env: Readonly<Record<string, string>> = {}) =>
  startGatewayProcess({
    env: { REDIS_URL: redis.url, RECORDINGS_DIR: join(folder, name), REDIS_STREAM_MAXLEN: "0", ...env },
  });

const record = async ({ http }: GatewayProcess, body: object) => {
  const answer = await request(`${http}/recordings`, { method: "POST", body: JSON.stringify(body) });
  expect(answer.status, answer.text).toBe(201);
};

const statusOf = async ({ http }: GatewayProcess, name: string) =>
  (await request(`${http}/recordings/${name}`)).json() as RecordingStatus;

/** Waits for a state of a recording, for as long as it grows. */
async function untilRecorded(
  gateway: GatewayProcess,
  what: string,
  isReached: (status: RecordingStatus) => boolean,
): Promise<void> {
  let entries = 0;
  const check = async () => {
    const status = await statusOf(gateway, "run");
    entries = status.entries;
    return isReached(status);
  };
  await until(what, check, WITHOUT_PROGRESS_MS, () => entries);
}

it("continues after kill -9 without a gap or a repeat", async () => {
  const written: string[] = [];
  let isOver = false;
  const pushing = (async () => {
    for (let i = 0; !isOver; i++) {
      const data = `${i} `.repeat(500);
      written.push(String(await redis.control.call("XADD", "kill:s", "*", "d", data)));
    }
  })();
  onTestFinished(() => {
    isOver = true;
    return pushing;
  });
  await using first = await start("killed");
  await record(first, { name: "run", device: "kill", streams: ["*"], from: "0" });
  await untilRecorded(first, "a few chunks of 4 MiB", ({ entries }) => entries > 5000);
  first.signal("SIGKILL");
  await first.ended;
  await using second = await start("killed");
  await untilRecorded(second, "a second file", ({ files: [, file] }) => (file?.entries ?? 0) > 1000);
  isOver = true;
  await pushing;
  await untilRecorded(second, "all entries", ({ entries }) => entries >= written.length);
  const stopped = (await request(`${second.http}/recordings/run/stop`, { method: "POST" })).json();
  expect(stopped).toMatchObject({
    ...{ state: "stopped", gaps: 0 },
    files: [{ state: "interrupted" }, { state: "finished" }],
  });
  const ids: string[] = [];
  for (const { file } of (stopped as RecordingStatus).files) {
    const { entries } = await readFile(readFileSync(join(folder, "killed", file)), await openDecompression());
    ids.push(...entries.map(({ entry }) => entry.id));
  }
  expect(ids).toEqual(written);
});

it("belongs to one gateway at a time, and to the next one after its end", async () => {
  await using first = await start("owned");
  await record(first, { name: "run", device: "own", streams: ["*"], from: "0" });
  await using second = await start("owned");
  const rejected = await request(`${second.http}/recordings`, { method: "POST", body: '{"streams": ["a"]}' });
  expect(rejected.json()).toMatchObject({
    code: "RECORDINGS_UNAVAILABLE",
    error: expect.stringContaining(`the gateway with process id ${first.pid} uses the directory`),
  });
  first.signal("SIGKILL");
  await first.ended;
  await redis.control.call("XADD", "own:s", "*", "d", "x");
  await until("the next gateway records", async () => (await statusOf(second, "run")).entries === 1);
});

it("is kept by the first of several workers, which all of them show", async () => {
  await using gateway = await start("workers", { WORKERS: "3" });
  await record(gateway, { name: "shared", streams: ["w"], from: "0" });
  await redis.control.call("XADD", "default:w", "*", "d", "x");
  for (let i = 0; i < 6; i++)
    await until("the entry", async () => (await statusOf(gateway, "shared")).entries === 1);
  const again = await request(`${gateway.http}/recordings`, {
    method: "POST",
    body: '{"name": "shared", "streams": ["w"]}',
  });
  expect(again.json()).toMatchObject({ code: "RECORDING_EXISTS" });
  expect((await request(`${gateway.http}/recordings/shared/stop`, { method: "POST" })).status).toBe(200);
});

it("is played by the first of several workers, which all of them show", async () => {
  await using gateway = await start("played", { WORKERS: "3" });
  await redis.control.call("XADD", "default:p", "1-0", "d", "x");
  await redis.control.call("XADD", "default:p", "3600000-0", "d", "an hour later");
  await record(gateway, { name: "run", streams: ["p"], from: "0" });
  const post = (path: string) => request(`${gateway.http}/recordings/run${path}`, { method: "POST" });
  await post("/stop");
  expect((await post("/play")).status).toBe(201);
  for (let i = 0; i < 6; i++) {
    await until("it is stored", async () => (await statusOf(gateway, "run")).playback?.stored === 1);
    expect((await post("/play")).json()).toMatchObject({ code: "RECORDING_BUSY" });
    expect((await post("/play/pause")).json()).toMatchObject({ playback: { state: "paused" } });
  }
  expect(await gateway.metric("recording_playbacks")).toBe(1);
  expect((await post("/play/stop")).json()).toMatchObject({ playback: { state: "stopped", stored: 1 } });
  expect(await redis.control.call("XLEN", "run-replay:p")).toBe(1);
});

it("states after kill -9 that its playback was interrupted", async () => {
  await using first = await start("kill-played");
  await redis.control.call("XADD", "default:k", "1-0", "d", "x");
  await redis.control.call("XADD", "default:k", "3600000-0", "d", "an hour later");
  await record(first, { name: "run", streams: ["k"], from: "0" });
  await request(`${first.http}/recordings/run/stop`, { method: "POST" });
  expect((await request(`${first.http}/recordings/run/play`, { method: "POST" })).status).toBe(201);
  first.signal("SIGKILL");
  await first.ended;
  await using second = await start("kill-played");
  const { playback } = await statusOf(second, "run");
  expect(playback).toMatchObject({ state: "interrupted", error: "the gateway ended" });
});

it("fails with its reason when the disk is full, and completes its file", async () => {
  await using gateway = await start("full");
  await record(gateway, { name: "run", device: "full", streams: ["*"], compression: "none" });
  limitFiles(gateway.pid, 10_000_000);
  let stored = 0;
  const state = async () => (await statusOf(gateway, "run")).state;
  while ((await state()) === "recording") {
    const answer = await request(`${gateway.http}/data/s?device_id=full`, {
      method: "POST",
      body: Buffer.alloc(200_000, stored),
    });
    expect(answer.status).toBe(200);
    stored++;
  }
  const failed = await statusOf(gateway, "run");
  expect(failed).toMatchObject({
    ...{ state: "failed", error: expect.stringContaining("the size that the system permits") },
    files: [{ state: "finished" }],
  });
  const { entries } = await readFile(readFileSync(join(folder, "full", "run.mcap")), {});
  expect(entries.length).toBe(failed.entries);
  expect(entries.length).toBeGreaterThan(20);
  expect(entries.map(({ entry }) => entry.data[0])).toEqual(entries.map((_, i) => i));
  expect(await gateway.metric("recordings_failed_total")).toBe(1);
  expect(await gateway.metric("recordings")).toBe(0);
  expect(gateway.logged).toContain("a recording failed");
});
