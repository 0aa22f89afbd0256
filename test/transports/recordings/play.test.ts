/** `/recordings/{name}/play`: recorded entries are stored again, one by one. */
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { McapIndexedReader } from "@mcap/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlaybackStatus } from "../../../src/recordings/playback-status.ts";
import type { RecordingStatus } from "../../../src/recordings/recording-status.ts";
import { request } from "../../support/clients/http.ts";
import { readableOf } from "../../support/data/mcap.ts";
import { fieldsIn } from "../../support/data/stored.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
const root = mkdtempSync(join(tmpdir(), "play-"));
const directory = join(root, "recordings");
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const HOUR_MS = 3_600_000;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    ...{ RECORDINGS_DIR: directory, REDIS_STREAM_MAXLEN: "0", MAX_PLAYBACKS: "2" },
  });
  await redis.control.call(
    "SET",
    ":stream:meta:rover:cam",
    '{"contentType":"image/png","big":12345678901234567890}',
  );
  for (let n = 1; n <= 20; n++) {
    await add("rover:cam", `${n}000-0`, "d", Buffer.concat([PNG, Buffer.from([n, 0, 255])]));
    await add("rover:imu", `${n}000-${n}`, "d", JSON.stringify({ n }), "unit", "m", "unit", "s");
    await add("rover:text", `${n}500-2000000`, "d", `line ${n}`);
  }
  await record("run", { device: "rover", streams: ["*"] });
  for (let n = 1; n <= 5; n++) await add("slow:s", `${n}-0`, "d", `${n}`);
  await add("slow:s", `${HOUR_MS}-0`, "d", "an hour later");
  await record("slow", { device: "slow", streams: ["s"] });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const add = (key: string, id: string, ...fields: (string | Uint8Array)[]) =>
  redis.control.call("XADD", key, id, ...fields);

const post = (path: string, body?: unknown, to = gateway) =>
  request(`${to.http}/recordings${path}`, {
    method: "POST",
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });

const statusOf = async (name: string, from = gateway) =>
  (await request(`${from.http}/recordings/${name}`)).json() as RecordingStatus;

/** Records the entries of streams. */
async function record(name: string, body: object, to = gateway): Promise<void> {
  const answer = await post("", { name, from: "0", ...body }, to);
  expect(answer.status, answer.text).toBe(201);
  await post(`/${name}/stop`, undefined, to);
}

/** Starts a playback. */
async function start(name: string, body: object = {}, to = gateway): Promise<PlaybackStatus> {
  const answer = await post(`/${name}/play`, body, to);
  expect(answer.status, answer.text).toBe(201);
  expect(answer.headers.location).toBe(`/recordings/${name}`);
  return playbackIn(answer.json());
}

function playbackIn(status: unknown): PlaybackStatus {
  const { playback } = status as RecordingStatus;
  if (playback === null) throw new Error("the recording is not played");
  return playback;
}

const playbackOf = async (name: string, from = gateway) => playbackIn(await statusOf(name, from));

/** Waits for the end of a playback. */
async function ended(name: string, from = gateway): Promise<PlaybackStatus> {
  await until("the end", async () => (await playbackOf(name, from)).ended !== null);
  return playbackOf(name, from);
}

/** Plays as fast as possible. */
async function play(name: string, body: object = {}, to = gateway): Promise<PlaybackStatus> {
  await start(name, { rate: 0, ...body }, to);
  const last = await ended(name, to);
  expect(last).toMatchObject({ state: "finished", error: null, notStored: 0 });
  return last;
}

const stored = (key: string) => fieldsIn(redis, key);

describe("a playback", () => {
  it("stores each entry with its fields, in order, under a device of its own", async () => {
    expect(await start("run", { rate: 0 })).toMatchObject({
      ...{ rate: 0, loop: false, owner: "anyone", dedupe: null, ended: null },
      ...{ from: "1970-01-01T00:00:01.000Z", to: "1970-01-01T00:00:20.500Z" },
      streams: {
        "rover:cam": "run-replay:cam",
        "rover:imu": "run-replay:imu",
        "rover:text": "run-replay:text",
      },
    });
    const last = await ended("run");
    expect(last).toMatchObject({ state: "finished", stored: 60, notStored: 0, passes: 1, error: null });
    expect(last.position).toBe(last.to);
    for (const name of ["cam", "imu", "text"])
      expect(await stored(`run-replay:${name}`)).toEqual(await stored(`rover:${name}`));
    expect(String(await redis.control.call("GET", ":stream:meta:run-replay:cam"))).toBe(
      '{"contentType":"image/png","big":12345678901234567890}',
    );
    const listed = (await request(`${gateway.http}/recordings`)).json() as readonly RecordingStatus[];
    expect(listed.find(({ name }) => name === "run")?.playback).toEqual(last);
  });

  it("keeps the metadata that a stream has", async () => {
    await redis.control.call("SET", ":stream:meta:own:cam", '{"title":"mine"}');
    await play("run", { device: "own", streams: ["cam"] });
    expect(String(await redis.control.call("GET", ":stream:meta:own:cam"))).toBe('{"title":"mine"}');
  });

  it("stores entries when they are due, pauses, continues and stops", async () => {
    await start("slow");
    await until("5 entries", async () => (await playbackOf("slow")).stored === 5);
    expect(playbackIn((await post("/slow/play/pause")).json()).state).toBe("paused");
    const paused = await playbackOf("slow");
    expect((await playbackOf("slow")).position).toBe(paused.position);
    expect(playbackIn((await post("/slow/play/continue")).json()).state).toBe("playing");
    await until("it moves", async () => (await playbackOf("slow")).position !== paused.position);
    const stopped = playbackIn((await post("/slow/play/stop")).json());
    expect(stopped).toMatchObject({ state: "stopped", stored: 5, notStored: 0, passes: 0, error: null });
    expect(stopped.ended).not.toBeNull();
    expect((await stored("slow-replay:s")).map(([, data]) => data)).toEqual(["1", "2", "3", "4", "5"]);
    const again = playbackIn((await post("/slow/play/stop")).json());
    expect(again).toEqual(stopped);
    for (const change of ["pause", "continue"])
      expect((await post(`/slow/play/${change}`)).json()).toMatchObject({ code: "NOT_FOUND" });
  });

  it("begins again at the end with loop", async () => {
    await start("slow", { device: "loop", to: 5, loop: true, rate: 100 });
    await until("3 passes", async () => (await playbackOf("slow")).passes >= 3);
    expect(playbackIn((await post("/slow/play/stop")).json()).state).toBe("stopped");
    const data = (await stored("loop:s")).map(([, one]) => one);
    expect(data.length).toBeGreaterThanOrEqual(15);
    expect(data).toEqual(data.map((_, i) => `${(i % 5) + 1}`));
  });

  it("with loop ends if the range has no entries", async () => {
    await start("slow", { from: 6, to: 1000, loop: true });
    expect(await ended("slow")).toMatchObject({ state: "finished", stored: 0 });
  });

  it.each([
    ["a range", { from: "1970-01-01T00:00:02Z", to: 3000 }, { cam: 2, imu: 2, text: 1 }],
    ["an entry id", { to: "1000-0" }, { cam: 1, imu: 1, text: 0 }],
    ["streams", { streams: ["c*", "rover:imu"] }, { cam: 20, imu: 20, text: 0 }],
    ["all streams but some", { exclude: ["imu"] }, { cam: 20, imu: 0, text: 20 }],
  ])("plays %s", async (name, body, counts) => {
    const device = name.replaceAll(" ", "-");
    await play("run", { device, ...body });
    for (const [stream, count] of Object.entries(counts))
      expect(await stored(`${device}:${stream}`), stream).toHaveLength(count);
  });

  it("does not mix streams of several devices, and stores in the recorded ones on request", async () => {
    for (const device of ["one", "two"]) await add(`${device}:s`, "1-0", "d", device);
    await add("bare", "2-0", "d", "without a device");
    await record("many", { device: "", streams: ["one:s", "two:s", "bare"] });
    expect((await play("many")).streams).toEqual({
      "one:s": "many-replay-one:s",
      "two:s": "many-replay-two:s",
      bare: "many-replay:bare",
    });
    expect(await stored("many-replay-two:s")).toEqual([["d", "two"]]);
    await play("many", { device: "", streams: ["one:s"] });
    expect(await stored("one:s")).toHaveLength(2);
    expect((await post("/many/play", { device: "lab" })).json()).toMatchObject({
      code: "BAD_PARAMETER",
      error: expect.stringContaining('"one:s" and "two:s" would both be stored in "lab:s"'),
    });
  });

  it("plays all files of a recording, in the order of the ids", async () => {
    const env = { RECORDINGS_DIR: join(root, "files"), REDIS_STREAM_MAXLEN: "0" };
    for (let n = 1; n <= 3; n++) {
      await using next = await startTestGateway(redis.url, env);
      if (n === 1) await post("", { name: "parts", device: "parts", streams: ["*"], from: "0" }, next);
      await add("parts:a", `${n}-0`, "d", `a${n}`);
      await add("parts:b", `${n}-1`, "d", `b${n}`);
      await until("both", async () => (await statusOf("parts", next)).entries === 2 * n);
      if (n === 3) await post("/parts/stop", undefined, next);
    }
    await using last = await startTestGateway(redis.url, env);
    expect((await statusOf("parts", last)).files).toHaveLength(3);
    await play("parts", {}, last);
    for (const name of ["a", "b"])
      expect(await stored(`parts-replay:${name}`)).toEqual(await stored(`parts:${name}`));
  });

  it("stores large entries", async () => {
    await add("large:s", "1-0", "d", Buffer.alloc(3_000_000, "x"));
    await add("large:s", "2-0", "d", Buffer.alloc(700_000, "y"), "f", Buffer.alloc(700_000, "z"));
    await add("large:s", "3-0", "d", "small");
    await record("large", { device: "large", streams: ["s"], compression: "none" });
    await play("large");
    expect((await stored("large-replay:s")).map((fields) => fields.map((one) => one.length))).toEqual(
      (await stored("large:s")).map((fields) => fields.map((one) => one.length)),
    );
    await using small = await startTestGateway(redis.url, {
      ...{ RECORDINGS_DIR: join(root, "small"), MAX_MESSAGE_BYTES: "1000000" },
    });
    await record("large", { device: "large", streams: ["s"] }, small);
    await start("large", { rate: 0, device: "refused" }, small);
    expect(await ended("large", small)).toMatchObject({
      ...{ state: "failed", stored: 0, notStored: 1 },
      error: "the entry 1-0 of large:s has 3000000 bytes; MAX_MESSAGE_BYTES permits 1000000",
    });
  });
});

it("a playback is slowed down by the rate limits of its client, and counted", async () => {
  await using limited = await startTestGateway(redis.url, {
    ...{ RECORDINGS_DIR: join(root, "limited"), MAX_MESSAGES_PER_SECOND: "100", REDIS_STREAM_MAXLEN: "0" },
  });
  for (let n = 1; n <= 300; n++) await add("rate:s", `${n}-0`, "d", `${n}`);
  await record("run", { device: "rate", streams: ["s"] }, limited);
  const hits = () => metricOf(limited, 'limits_hit_total{limit="messages_per_second"}');
  expect(await hits()).toBe(0);
  await post("/run/play", { rate: 0, device: "limited" }, limited);
  // Further requests would pay for the limit, too.
  await until("the end", async () => (await redis.control.call("XLEN", "limited:s")) === 300);
  // A request for the metrics may be over the limit, too.
  await until("it is counted", async () => (await metricOf(limited, "played_entries_total")) === 300);
  await until("the hits are counted", async () => (await hits()) > 0);
  expect(await stored("limited:s")).toEqual(await stored("rate:s"));
});

describe("a repeated playback", () => {
  it("stores each entry once with dedupe, also those of which Redis remembers no number", async () => {
    const count = 10_500;
    const sending = Array.from({ length: count }, (_, i) => add("long:s", `${i + 1}-0`, "d", `${i}`));
    await Promise.all(sending);
    await record("long", { device: "long", streams: ["s"] });
    await start("long", { dedupe: "once", rate: 0 });
    await until("some entries", async () => (await playbackOf("long")).stored > 0);
    const stopped = playbackIn((await post("/long/play/stop")).json());
    expect(await stored("long-replay:s")).toHaveLength(stopped.stored);
    expect(stopped).toMatchObject({ notStored: 0, dedupe: "once" });
    for (let i = 0; i < 2; i++) expect((await play("long", { dedupe: "once" })).stored).toBe(count);
    expect(await stored("long-replay:s")).toEqual(await stored("long:s"));
  });

  it("stores another part with the same key", async () => {
    await play("run", { device: "parts-of", streams: ["imu"], dedupe: "k", to: "2000-5" });
    await play("run", { device: "parts-of", streams: ["imu"], dedupe: "k", from: 3000 });
    expect(await stored("parts-of:imu")).toEqual(await stored("rover:imu"));
  });

  it("stores all again without dedupe", async () => {
    for (let i = 0; i < 2; i++) await play("run", { device: "twice", streams: ["imu"] });
    expect(await stored("twice:imu")).toHaveLength(40);
  });
});

describe("a playback ends", () => {
  it("with its gateway, states it, and is completed by a repeated one", async () => {
    const env = { RECORDINGS_DIR: join(root, "ended"), REDIS_STREAM_MAXLEN: "0" };
    const first = await startTestGateway(redis.url, env);
    await record("slow", { device: "slow", streams: ["s"] }, first);
    const body = { device: "ended", dedupe: "k" };
    await start("slow", body, first);
    await until("5 entries", async () => (await playbackOf("slow", first)).stored === 5);
    await first.close();
    await using second = await startTestGateway(redis.url, env);
    expect(await playbackOf("slow", second)).toMatchObject({
      ...{ state: "interrupted", error: "the gateway stopped", stored: 5, notStored: 0 },
    });
    await play("slow", body, second);
    expect(await stored("ended:s")).toEqual(await stored("slow:s"));
  });

  it("with the deletion of its recording", async () => {
    await record("gone", { device: "slow", streams: ["s"] });
    await start("gone");
    expect((await request(`${gateway.http}/recordings/gone`, { method: "DELETE" })).status).toBe(204);
    expect((await request(`${gateway.http}/recordings/gone`)).status).toBe(404);
    await start("slow", { device: "after" });
    await post("/slow/play/stop");
  });

  it("as failed at an error that does not go away, with the number of entries that are not stored", async () => {
    await redis.control.call("SET", "wrong:imu", "not a stream");
    await start("run", { device: "wrong", streams: ["imu"], rate: 0 });
    expect(await ended("run")).toMatchObject({
      ...{ state: "failed", stored: 0, notStored: 20 },
      error: "wrong:imu: the key of this stream holds a value that is not a stream",
    });
  });

  it("as failed at a damaged chunk, after the entries before it", async () => {
    for (let n = 1; n <= 3; n++) await add("chunks:s", `${n}-0`, "d", Buffer.alloc(4_200_000, n));
    await record("chunks", { device: "chunks", streams: ["s"], compression: "none" });
    const path = join(directory, "chunks.mcap");
    const bytes = readFileSync(path);
    const { chunkIndexes } = await McapIndexedReader.Initialize({ readable: readableOf(bytes) });
    expect(chunkIndexes.length).toBe(3);
    bytes.fill(
      0,
      Number(chunkIndexes[1]?.chunkStartOffset) + 1000,
      Number(chunkIndexes[1]?.chunkStartOffset) + 1100,
    );
    writeFileSync(path, bytes);
    await start("chunks", { rate: 0 });
    expect(await ended("chunks")).toMatchObject({
      ...{ state: "failed", stored: 1, notStored: 0 },
      error: expect.stringContaining("chunks.mcap is damaged: "),
    });
  });
});

describe("while Redis is unavailable", () => {
  it("a playback waits, and stores each entry once and in order", async () => {
    await using store = await startRedis("--appendonly", "yes", "--appendfsync", "always");
    await using own = await startTestGateway(store.url, {
      ...{ RECORDINGS_DIR: join(root, "outage"), REDIS_STREAM_MAXLEN: "0", REDIS_WAIT_MS: "100" },
    });
    for (let n = 1; n <= 3000; n++) await store.control.call("XADD", "live:s", `${n}-0`, "d", `${n}`);
    await record("run", { device: "live", streams: ["s"] }, own);
    await start("run", {}, own);
    for (let i = 1; i <= 2; i++) {
      await until("some entries", async () => (await playbackOf("run", own)).stored >= i * 200);
      await store.kill();
      await until("it waits", async () => (await playbackOf("run", own)).error !== null);
      expect(await playbackOf("run", own)).toMatchObject({ state: "playing" });
      await store.start();
    }
    expect(await ended("run", own)).toMatchObject({
      state: "finished",
      stored: 3000,
      notStored: 0,
      error: null,
    });
    expect(await fieldsIn(store, "run-replay:s")).toEqual(await fieldsIn(store, "live:s"));
  });

  it("a playback that is stopped states what is not stored", async () => {
    await using store = await startRedis();
    await using own = await startTestGateway(store.url, {
      ...{ RECORDINGS_DIR: join(root, "stopped"), REDIS_WAIT_MS: "100" },
    });
    for (let n = 1; n <= 3000; n++) await store.control.call("XADD", "live:s", `${n}-0`, "d", `${n}`);
    await record("run", { device: "live", streams: ["s"] }, own);
    await start("run", {}, own);
    await until("some entries", async () => (await playbackOf("run", own)).stored >= 100);
    await store.kill();
    await until("it waits", async () => (await playbackOf("run", own)).error !== null);
    const stopped = playbackIn((await post("/run/play/stop", undefined, own)).json());
    expect(stopped.state).toBe("stopped");
    expect(stopped.notStored).toBeGreaterThan(0);
    await start("run", { rate: 0 }, own);
    await until("the next one waits", async () => (await playbackOf("run", own)).error !== null);
    await store.start();
    expect(await ended("run", own)).toMatchObject({ state: "finished", stored: 3000, notStored: 0 });
  });
});

describe("a request that is not valid", () => {
  const range =
    "must be a time of the recording, which begins at 1970-01-01T00:00:01.000Z and ends at 1970-01-01T00:00:20.500Z";
  it.each([
    ["a negative rate", { rate: -1 }, "rate must be 0, or a number between 0.1 and 100, got -1"],
    ["a rate that is a text", { rate: "NaN" }, 'rate must be 0, or a number between 0.1 and 100, got "NaN"'],
    ["a rate that is null", { rate: null }, "rate must be 0, or a number between 0.1 and 100, got null"],
    ["a great rate", { rate: 1e9 }, "rate must be 0, or a number between 0.1 and 100, got 1000000000"],
    ["a small rate", { rate: 0.01 }, "rate must be 0, or a number between 0.1 and 100, got 0.01"],
    ["loop at rate 0", { rate: 0, loop: true }, "loop requires a rate above 0"],
    ["a loop that is a number", { loop: 1 }, "loop must be true or false, got 1"],
    [
      "a time that is none",
      { from: "yesterday" },
      "from must be an entry id, milliseconds or an ISO 8601 time",
    ],
    ["times in reverse", { from: 3000, to: 2000 }, "to must not be before from, got 2000 and 3000"],
    ["a time after the end", { from: "2026-01-01T00:00:00Z" }, `from ${range}`],
    ["a time before the beginning", { to: 999 }, `to ${range}`],
    [
      "a stream that was not recorded",
      { streams: ["cam", "lidar-*"] },
      'streams must match streams of the recording (rover:cam, rover:imu, rover:text), got "lidar-*"',
    ],
    ["no stream", { exclude: ["*"] }, "exclude must not exclude all streams of the recording"],
    ["streams that are a text", { streams: "cam" }, "streams must be a list"],
    ["a pattern with **", { streams: ["a**"] }, "streams must not contain"],
    [
      "too many patterns",
      { exclude: Array.from({ length: 17 }, (_, i) => `${i}*`) },
      "exclude must have at most 16",
    ],
    ["a device that is a pattern", { device: "lab-*" }, 'device must not be a pattern, got "lab-*"'],
    ["a long device", { device: "a".repeat(1025) }, "device must be at most 1024 bytes"],
    ["a long dedupe key", { dedupe: "a".repeat(201) }, "dedupe must have 1 to 200 characters, got 201"],
    ["an unknown member", { speed: 2 }, "speed is not a member; the body has rate, device, streams"],
  ])("%s is rejected", async (_, body, message) => {
    const answer = await post("/run/play", body);
    expect([answer.status, answer.json()]).toEqual([
      400,
      { code: "BAD_PARAMETER", error: expect.stringContaining(message) },
    ]);
  });

  it.each(["[1]", "{", '{"rate": NaN}', '"run"'])("the body %s is rejected", async (body) => {
    const error = `the body must be a JSON object such as {"rate": 4}, got ${JSON.stringify(body)}`;
    expect((await post("/run/play", body)).json()).toEqual({ code: "BAD_BODY", error });
  });

  it("keys of the gateway are not written", async () => {
    expect((await post("/run/play", { device: ":event" })).json()).toMatchObject({ code: "FORBIDDEN" });
  });

  it("a device that would be a recorded one is rejected", async () => {
    await add("itself-replay:s", "1-0", "d", "x");
    await record("itself", { device: "itself-replay", streams: ["s"] });
    expect((await post("/itself/play")).json()).toEqual({
      code: "BAD_PARAMETER",
      error: 'device must be given: by default, "itself-replay:s" would be written, which is recorded',
    });
  });

  it("an unknown recording is not found", async () => {
    for (const path of ["/none/play", "/none/play/stop", "/..%2Frun/play"])
      expect((await post(path)).json()).toMatchObject({ code: "NOT_FOUND" });
  });

  it("a recording in progress, one that is played, and one too many are rejected", async () => {
    await add("busy:s", "1-0", "d", "x");
    await post("", { name: "busy", device: "busy", streams: ["s"], from: "0" });
    const expectCode = async (path: string, code: string, error: string) =>
      expect((await post(path)).json()).toEqual({ code, error });
    await expectCode("/busy/play", "RECORDING_BUSY", "the recording busy is in progress; stop it first");
    await post("/busy/stop");
    await record("slow-2", { device: "slow", streams: ["s"] });
    await start("slow");
    await expectCode("/slow/play", "RECORDING_BUSY", "the recording slow is being played; stop that first");
    await start("slow-2");
    await expectCode(
      "/busy/play",
      "TOO_MANY_PLAYBACKS",
      "the gateway has reached its limit of 2 playbacks at a time",
    );
    for (const name of ["slow", "slow-2"]) await post(`/${name}/play/stop`);
    await play("busy");
  });

  it.each([
    ["without entries", () => undefined, "no streams that can be played"],
    ["that is missing", (path: string) => rmSync(path), "broken.mcap"],
    ["that is empty", (path: string) => truncateSync(path, 0), "broken.mcap: "],
    ["that is cut off", (path: string) => truncateSync(path, statSync(path).size - 20), "broken.mcap"],
    ["of another kind", (path: string) => copyFileSync(import.meta.filename, path), "broken.mcap: "],
  ])("a file %s is reported", async (name, damage, message) => {
    await record(
      "broken",
      name === "without entries" ? { streams: ["no-*"] } : { device: "slow", streams: ["s"] },
    );
    damage(join(directory, "broken.mcap"));
    const answer = await post("/broken/play");
    expect([answer.status, answer.json()]).toEqual([
      409,
      { code: "RECORDING_UNPLAYABLE", error: expect.stringContaining(message) },
    ]);
    expect((await statusOf("broken")).playback).toBeNull();
    await request(`${gateway.http}/recordings/broken`, { method: "DELETE" });
  });
});

it("a recording is not played any more while it is removed, and is removed once", async () => {
  const remove = (name: string) => request(`${gateway.http}/recordings/${name}`, { method: "DELETE" });
  for (let round = 0; round < 20; round++) {
    await record("brief", { device: "slow", streams: ["s"] });
    const [first, second, ...plays] = await Promise.all([
      ...[remove("brief"), remove("brief")],
      ...Array.from({ length: 8 }, () => post("/brief/play", { loop: true })),
    ]);
    expect(first?.status).toBe(204);
    expect([204, 404]).toContain(second?.status);
    for (const { status } of plays) expect([201, 404, 409]).toContain(status);
    expect((await request(`${gateway.http}/recordings/brief`)).status).toBe(404);
    expect(await metricOf(gateway, "recording_playbacks")).toBe(0);
  }
});
