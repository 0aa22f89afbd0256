/** Recordings whose streams have long names: their names are bounded, in the record, in an answer and in the list. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordingStatus } from "../../../src/recordings/recording-status.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const KIB = 1024;
const STORED = 250;

let redis: TestRedis;
let gateway: TestGateway;
const directory = mkdtempSync(join(tmpdir(), "long-names-"));

/** A recording that an earlier version stored, which had no limit. Names as JSON have 6 bytes for each control character. */
const stored = (name: string) => ({
  ...{ version: 1, name, state: "stopped", reason: "request", error: null },
  ...{ started: "2026-01-01T00:00:00Z", ended: "2026-01-01T00:00:01Z" },
  ...{ owner: { name: "anyone", grants: [] }, startCursors: {}, files: [] },
  request: { streams: ["*"], exclude: [], prefix: "", from: "$", compression: "zstd" },
  streams: Array.from({ length: 100 }, (_, i) => `old:${i}${"\u0001".repeat(900)}`).sort(),
});

beforeAll(async () => {
  for (let i = 0; i < STORED; i++)
    writeFileSync(join(directory, `old-${i}.json`), JSON.stringify(stored(`old-${i}`)));
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: directory });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const add = (key: string) => redis.control.call("XADD", key, "1-0", "d", "x");

const post = (path: string, body: object = {}) =>
  request(`${gateway.http}/recordings${path}`, { method: "POST", body: JSON.stringify(body) });

const get = async (name: string) =>
  (await request(`${gateway.http}/recordings/${name}`)).json() as RecordingStatus;

describe("the list", () => {
  it("has all recordings in order, over several pages, each with the first names and their number", async () => {
    const answer = await request(`${gateway.http}/recordings`);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    const list = answer.json() as readonly RecordingStatus[];
    expect(list.map(({ name }) => name)).toEqual(Array.from({ length: STORED }, (_, i) => `old-${i}`).sort());
    for (const { name, streams, streamsTotal } of list) {
      expect(streamsTotal).toBe(100);
      expect(streams).toEqual(stored(name).streams.slice(0, streams.length));
      expect(streams.length).toBeGreaterThan(0);
      expect(JSON.stringify(streams).length).toBeLessThan(16 * KIB);
    }
  });

  it("has fewer names than the recording itself", async () => {
    expect(await get("old-7")).toMatchObject({ streamsTotal: 100, streams: stored("old-7").streams });
  });
});

describe("a recording", () => {
  it("of names over 256 KiB is rejected, and leaves nothing behind", async () => {
    for (let i = 0; i < 50; i++) await add(`many:${i}${"\u0001".repeat(1000)}`);
    const answer = await post("", { name: "many", device: "many", streams: ["*"] });
    expect([answer.status, answer.json()]).toEqual([
      400,
      { code: "BAD_PARAMETER", error: expect.stringContaining("at most 262144 bytes as JSON together") },
    ]);
    expect((await request(`${gateway.http}/recordings/many`)).status).toBe(404);
  });

  it("does not record streams that appear later and exceed the limit, and states it", async () => {
    await post("", { name: "later", device: "later", streams: ["*"] });
    for (let i = 0; i < 50; i++) await add(`later:${i}${"\u0001".repeat(1000)}`);
    const message = "the names of the streams are too long together; further streams are not recorded";
    await until("the limit", async () => (await get("later")).error === message);
    await add("later:short");
    await until("a short name", async () => (await get("later")).streams.includes("later:short"));
    const stopped = (await post("/later/stop")).json() as RecordingStatus;
    expect(stopped).toMatchObject({ state: "stopped", error: message, entries: stopped.streamsTotal });
    expect(stopped.streamsTotal).toBeLessThan(50);
    expect(JSON.stringify(stopped.streams).length).toBeLessThan(256 * KIB);
    expect(statSync(join(directory, "later.json")).size).toBeLessThan(300 * KIB);
    expect(JSON.parse(readFileSync(join(directory, "later.json"), "utf8"))).toMatchObject({ name: "later" });
  });
});
