/** `/recordings`: record streams into files of the gateway, list, download, stop and delete them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDecompression } from "../../../src/recordings/decompression.ts";
import type { RecordingStatus } from "../../../src/recordings/recording-status.ts";
import { request } from "../../support/clients/http.ts";
import { readFile } from "../../support/data/mcap.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { DURABLE, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const MIB = 1024 * 1024;

let redis: TestRedis;
let gateway: TestGateway;
const root = mkdtempSync(join(tmpdir(), "recordings-"));
const directory = join(root, "recordings");

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: directory, MAX_RECORDINGS: "3" });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const add = (key: string, id: string, data: string) => redis.control.call("XADD", key, id, "d", data);

const post = async (path: string, body?: unknown, to = gateway) =>
  request(`${to.http}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });

/** Starts a recording. */
async function record(body: object): Promise<RecordingStatus> {
  const answer = await post("/recordings", body);
  expect(answer.status, answer.text).toBe(201);
  return answer.json() as RecordingStatus;
}

const statusOf = async (name: string, from = gateway) =>
  (await request(`${from.http}/recordings/${name}`)).json() as RecordingStatus;

const stop = async (name: string) => (await post(`/recordings/${name}/stop`)).json() as RecordingStatus;

/** Downloads and reads a file. */
async function read(file: string, from = gateway) {
  const answer = await request(`${from.http}/recordings/${file}`);
  expect(answer.status).toBe(200);
  const { entries } = await readFile(answer.body, await openDecompression());
  return entries.map(({ stream, entry }) => [stream.key, entry.id, String(Buffer.from(entry.data))]);
}

describe("a recording", () => {
  it("has the entries from its cursor on, of streams that exist and that appear", async () => {
    await add("rover:imu", "1-1", "before");
    await add("rover:imu", "1-2", "a");
    const started = await record({ name: "run-1", device: "rover", streams: ["*"], from: "1-1" });
    expect(started).toMatchObject({ name: "run-1", state: "recording", files: [{ file: "run-1.mcap" }] });
    await add("rover:log", "3-0", "b");
    await add("rover:imu", "4-0", "c");
    await add("other:imu", "5-0", "other device");
    await until("3 entries", async () => (await statusOf("run-1")).entries === 3);
    const stopped = await stop("run-1");
    expect(stopped).toMatchObject({
      ...{ state: "stopped", reason: "request", error: null, entries: 3, gaps: 0, owner: "anyone" },
      ...{ streams: ["rover:imu", "rover:log"], from: "1970-01-01T00:00:00.001Z" },
      to: "1970-01-01T00:00:00.004Z",
      files: [{ file: "run-1.mcap", state: "finished", entries: 3 }],
    });
    expect(stopped.bytes).toBe(statSync(join(directory, "run-1.mcap")).size);
    expect(await read("run-1.mcap")).toEqual([
      ["rover:imu", "1-2", "a"],
      ["rover:log", "3-0", "b"],
      ["rover:imu", "4-0", "c"],
    ]);
  });

  it("has everything that was stored before its stop, however far behind it is", async () => {
    const entries = 300_000;
    const store = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], i .. '-0', 'd', 'x') end";
    await redis.control.call("EVAL", store, 1, "behind:s", entries);
    await record({ name: "behind", device: "behind", streams: ["s"], from: "0" });
    expect(await stop("behind")).toMatchObject({ state: "stopped", entries, gaps: 0 });
    await redis.control.call("DEL", "behind:s");
  });

  it("sees metadata that is declared after the first entry", async () => {
    await record({ name: "declared", device: "late", streams: ["cam"] });
    await add("late:cam", "1-0", "{}");
    await until("the entry", async () => (await statusOf("declared")).entries === 1);
    await redis.control.call("SET", ":stream:meta:late:cam", '{"contentType":"text/plain","frameId":"f"}');
    const answers = async () => {
      await redis.control.call("XADD", "late:cam", "*", "d", "{}");
      const { entries } = await statusOf("declared");
      return entries;
    };
    for (let i = 0; i < 20; i++) await answers();
    await until("all entries", async () => (await statusOf("declared")).entries === 21);
    await stop("declared");
    const file = (await request(`${gateway.http}/recordings/declared.mcap`)).body;
    const { reader } = await readFile(file, await openDecompression());
    expect([...reader.channelsById.values()].map(({ messageEncoding }) => messageEncoding)).toContain(
      "protobuf",
    );
  });

  it("sees metadata that changed while Redis was unavailable at the start of the gateway", async () => {
    await using store = await startRedis("--save", "", ...DURABLE);
    const env = { RECORDINGS_DIR: join(root, "unavailable") };
    const first = await startTestGateway(store.url, env);
    await post("/recordings", { name: "late", device: "late", streams: ["cam"], from: "0" }, first);
    await store.control.call("XADD", "late:cam", "1-0", "d", "{}");
    await until("the entry", async () => (await statusOf("late", first)).entries === 1);
    await first.close();
    await store.kill();
    await using second = await startTestGateway(store.url, env);
    await until("it waits", async () => (await statusOf("late", second)).error !== null);
    await store.start();
    await until("it continues", async () => (await statusOf("late", second)).files.length === 2);
    await store.control.call("SET", ":stream:meta:late:cam", '{"contentType":"text/plain","frameId":"f"}');
    const isDeclared = async () => {
      await store.control.call("XADD", "late:cam", "*", "d", "{}");
      // The schema precedes the first chunk, before which the file is not sent.
      const path = join(env.RECORDINGS_DIR, "late~2.mcap");
      return existsSync(path) && readFileSync(path).includes("foxglove.Log");
    };
    await until("the declaration", isDeclared);
  });

  it("has its notes in each file", async () => {
    const notes = { driver: "Ada", weather: "rain, 5 °C" };
    expect((await record({ name: "noted", streams: ["nothing"], notes })).request).toMatchObject({ notes });
    await stop("noted");
    const { body } = await request(`${gateway.http}/recordings/noted.mcap`);
    const { reader } = await readFile(body, await openDecompression());
    const found = [];
    for await (const { name, metadata } of reader.readMetadata())
      found.push([name, Object.fromEntries(metadata)]);
    expect(found).toEqual([["redis-streamer.notes", notes]]);
  });

  it("states where entries are missing", async () => {
    for (let i = 1; i <= 5; i++) await add("gap:s", `${i}-0`, `${i}`);
    await redis.control.call("XTRIM", "gap:s", "MINID", "4-0");
    await record({ name: "gaps", device: "gap", streams: ["s"], from: "1-0" });
    await until("2 entries", async () => (await statusOf("gaps")).entries === 2);
    const gap = { stream: "gap:s", after: "1-0", before: "4-0" };
    expect(await stop("gaps")).toMatchObject({ gaps: 1, newestGaps: [gap], files: [{ gaps: 1 }] });
  });

  it("states that a pattern selects more streams than it can record", async () => {
    await using small = await startTestGateway(redis.url, {
      RECORDINGS_DIR: join(root, "limited"),
      MAX_STREAMS: "1",
    });
    await add("limit:a", "1-0", "a");
    expect(
      (await post("/recordings", { name: "limit", device: "limit", streams: ["*"] }, small)).status,
    ).toBe(201);
    await add("limit:b", "2-0", "b");
    const problem = "the pattern selects more than MAX_STREAMS streams; further ones are not recorded";
    await until("the problem", async () => (await statusOf("limit", small)).error === problem);
    const stopped = (await post("/recordings/limit/stop", undefined, small)).json();
    expect(stopped).toMatchObject({ state: "stopped", streams: ["limit:a"], error: problem });
  });

  it("has what was stored before it is stopped", async () => {
    for (let i = 0; i < 10; i++) {
      const name = `stop-${i}`;
      await record({ name, device: "stop", streams: [name], from: "0" });
      for (let seq = 1; seq <= 3; seq++) await add(`stop:${name}`, `1-${seq}`, "x");
      expect((await stop(name)).entries).toBe(3);
    }
  });

  it("stops at its maximum size", async () => {
    await record({ name: "small", streams: ["big"], device: "size", maxBytes: 100_000, compression: "none" });
    for (let i = 1; i <= 30; i++) await add("size:big", `${i}-0`, "x".repeat(10_000));
    await until("the end", async () => (await statusOf("small")).state === "stopped");
    const { reason, bytes } = await statusOf("small");
    expect(reason).toBe("maxBytes");
    expect(bytes).toBeGreaterThanOrEqual(100_000);
  });

  it("continues in a further file, without a gap or a repeat, when the next gateway starts", async () => {
    const own = join(root, "continued");
    const env = { RECORDINGS_DIR: own };
    const first = await startTestGateway(redis.url, env);
    await add("next:a", "1-0", "1");
    const answer = await post(
      "/recordings",
      { name: "on", device: "next", streams: ["*"], from: "0" },
      first,
    );
    expect(answer.status).toBe(201);
    await until("1 entry", async () => (await statusOf("on", first)).entries === 1);
    await first.close();
    await add("next:a", "2-0", "2");
    await add("next:new", "3-0", "3");
    await using second = await startTestGateway(redis.url, env);
    await until("3 entries", async () => (await statusOf("on", second)).entries === 3);
    expect(await statusOf("on", second)).toMatchObject({
      ...{ state: "recording", gaps: 0, streams: ["next:a", "next:new"] },
      files: [
        { file: "on.mcap", state: "finished", entries: 1 },
        { file: "on~2.mcap", state: "recording", entries: 2 },
      ],
    });
    await post("/recordings/on/stop", undefined, second);
    expect(await read("on.mcap", second)).toEqual([["next:a", "1-0", "1"]]);
    expect(await read("on~2.mcap", second)).toEqual([
      ["next:a", "2-0", "2"],
      ["next:new", "3-0", "3"],
    ]);
  });

  it("is stopped and deleted while it cannot continue", async () => {
    const env = { RECORDINGS_DIR: join(root, "stopped"), REDIS_WAIT_MS: "100" };
    const first = await startTestGateway(redis.url, env);
    for (const name of ["one", "two"])
      expect((await post("/recordings", { name, streams: [`${name}:*`] }, first)).status).toBe(201);
    await first.close();
    redis.freeze();
    try {
      await using second = await startTestGateway(redis.url, env);
      await until("they wait for Redis", async () => {
        const waiting = await Promise.all(["one", "two"].map((name) => statusOf(name, second)));
        return waiting.every(({ error }) => error?.includes("Redis is unavailable") === true);
      });
      const stopped = await post("/recordings/one/stop", undefined, second);
      expect(stopped.json()).toMatchObject({ state: "stopped", reason: "request" });
      expect((await request(`${second.http}/recordings/two`, { method: "DELETE" })).status).toBe(204);
      expect(readdirSync(env.RECORDINGS_DIR).filter((file) => file.startsWith("two"))).toEqual([]);
    } finally {
      redis.thaw();
    }
  });

  it("is deleted with its files", async () => {
    await record({ name: "gone", streams: ["nothing"] });
    expect((await request(`${gateway.http}/recordings/gone`, { method: "DELETE" })).status).toBe(204);
    expect(readdirSync(directory).filter((file) => file.startsWith("gone"))).toEqual([]);
    expect((await request(`${gateway.http}/recordings/gone`)).status).toBe(404);
  });
});

describe("a file", () => {
  it("is sent in ranges, which tools that open remote files need", async () => {
    const url = `${gateway.http}/recordings/run-1.mcap`;
    const whole = await request(url);
    const { etag, "content-length": length } = whole.headers;
    expect(whole.headers).toMatchObject({
      ...{ "accept-ranges": "bytes", "content-type": "application/mcap" },
      "content-disposition": 'attachment; filename="run-1.mcap"',
    });
    expect(Number(length)).toBe(whole.body.length);
    const head = await request(url, { method: "HEAD" });
    expect([head.status, head.headers["content-length"]]).toEqual([200, length]);
    const part = await request(url, { headers: { range: "bytes=8-19" } });
    expect([part.status, part.headers["content-range"], part.body]).toEqual([
      206,
      `bytes 8-19/${length}`,
      whole.body.subarray(8, 20),
    ]);
    const beyond = await request(url, { headers: { range: `bytes=${length}-` } });
    expect([beyond.status, beyond.json()]).toMatchObject([416, { code: "RANGE_NOT_SATISFIABLE" }]);
    expect((await request(url, { headers: { "if-none-match": String(etag) } })).status).toBe(304);
    const page = await request(url, { headers: { origin: "http://localhost:8080" } });
    expect(page.headers["access-control-expose-headers"]).toMatch(
      /etag.*content-range.*accept-ranges.*content-length/,
    );
  });
});

describe("a recording that reads stored entries", () => {
  const ENTRIES = 80;

  it("is slowed while the gateway serves clients, and reads the rest at full speed when it is stopped", async () => {
    const data = "x".repeat(MIB);
    for (let i = 1; i <= ENTRIES; i++) await add("slowed:s", `${i}-0`, data);
    const valuesOf = () =>
      Promise.all(
        ["recording_delay_seconds_total", 'entries_out_total{class="other"}'].map((name) =>
          metricOf(gateway, name),
        ),
      );
    const [delay = 0, out = 0] = await valuesOf();
    await post("/data/live?format=raw", "x");
    await record({ name: "slowed", device: "slowed", streams: ["s"], from: "0", compression: "none" });
    await until("it is slowed", async () => {
      await post("/data/live?format=raw", "x");
      return (await statusOf("slowed")).slowed;
    });
    expect(await stop("slowed")).toMatchObject({ slowed: false, entries: ENTRIES, gaps: 0 });
    const [delayAfter, outAfter] = await valuesOf();
    expect(delayAfter).toBeGreaterThan(delay);
    expect(outAfter).toBe(out + ENTRIES);
    await redis.control.call("UNLINK", "slowed:s");
  });
});

describe("a file that is being recorded", () => {
  it("is not found, with the reason, before its first chunk, and has its entries then", async () => {
    const url = `${gateway.http}/recordings/begun.mcap`;
    const started = await record({ name: "begun", device: "begun", streams: ["s"], compression: "none" });
    expect(started.files).toMatchObject([{ file: "begun.mcap", bytes: 0 }]);
    const expected = { code: "NOT_FOUND", error: expect.stringContaining("begun.mcap has no chunk yet") };
    const first = await request(url);
    expect([first.status, first.json()]).toEqual([404, expected]);
    await add("begun:s", "1-0", "a");
    await until("an entry", async () => (await statusOf("begun")).bytes > 0);
    const second = await request(url);
    expect([second.status, second.json()]).toEqual([404, expected]);
    await add("begun:s", "2-0", "x".repeat(4 * 1024 * 1024));
    // Chunks are written one after another: the first may have only the first entry.
    await until("the large entry", async () => (await request(url)).body.length > 4 * 1024 * 1024);
    await stop("begun");
    expect((await read("begun.mcap")).map(([, id]) => id)).toEqual(["1-0", "2-0"]);
  });

  it("is not found, with the reason, before its thread has created it", async () => {
    await record({ name: "absent", streams: ["nothing"] });
    rmSync(join(directory, "absent.mcap"), { force: true });
    expect((await request(`${gateway.http}/recordings/absent.mcap`)).json()).toMatchObject({
      error: expect.stringContaining("absent.mcap has no chunk yet"),
    });
    expect((await request(`${gateway.http}/recordings/absent`, { method: "DELETE" })).status).toBe(204);
  });

  it("is sent after it stopped without entries", async () => {
    await record({ name: "silent", streams: ["nothing"] });
    await stop("silent");
    expect(await read("silent.mcap")).toEqual([]);
  });
});

describe("a request that is not valid", () => {
  it.each([
    ["a name that leaves the directory", { name: "../x", streams: ["a"] }, "name must have"],
    ["a name with a separator", { name: "a/b", streams: ["a"] }, "name must have"],
    ["a name with NUL", { name: "a\0", streams: ["a"] }, "name must have"],
    ["a long name", { name: "a".repeat(10_000), streams: ["a"] }, "name must have"],
    ["a name of another file", { name: "a.json", streams: ["a"] }, "name must have"],
    ["no streams", { streams: [] }, "streams must be"],
    ["a long stream id", { streams: ["a".repeat(1025)] }, "streams must be at most 1024 bytes"],
    ["a pattern with **", { streams: ["a**"] }, "streams must not contain"],
    [
      "too many patterns",
      { streams: Array.from({ length: 17 }, (_, i) => `${i}*`) },
      "streams must have at most 16",
    ],
    ["too many streams", { streams: Array.from({ length: 1001 }, String) }, "streams must name at most 1000"],
    ["a long device", { streams: ["a"], device: "a".repeat(1025) }, "device must be at most 1024 bytes"],
    ["a device with **", { streams: ["a"], device: "**" }, "device must not contain"],
    ["a size of 0", { streams: ["a"], maxBytes: 0 }, "maxBytes must be"],
    ["an unknown member", { streams: ["a"], until: 5 }, "until is not a member"],
    ["a cursor that is none", { streams: ["a"], from: "yesterday" }, "from must be"],
    ["a cursor of a pattern that is none", { streams: ["*"], from: "a=yesterday" }, "from must be"],
    ["too many cursors", { streams: ["a"], from: "1+2" }, "from must have one value"],
    [
      "notes that are not texts",
      { streams: ["a"], notes: { speed: 5 } },
      "notes must be an object of strings",
    ],
    ["a list of notes", { streams: ["a"], notes: ["a"] }, "notes must be an object of strings"],
    ["long notes", { streams: ["a"], notes: { text: "a".repeat(10_000) } }, "notes must have at most 10000"],
    ["another compression", { streams: ["a"], compression: "rar" }, "compression must be"],
  ])("%s is rejected", async (_, body, message) => {
    const answer = await post("/recordings", body);
    expect([answer.status, answer.json()]).toEqual([
      400,
      { code: "BAD_PARAMETER", error: expect.stringContaining(message) },
    ]);
  });

  it("a second recording of a name, and one too many, are rejected", async () => {
    await record({ name: "one", streams: ["a"] });
    expect((await post("/recordings", { name: "one", streams: ["a"] })).json()).toMatchObject({
      code: "RECORDING_EXISTS",
    });
    writeFileSync(join(directory, "foreign.mcap"), "");
    expect((await post("/recordings", { name: "foreign", streams: ["a"] })).json()).toMatchObject({
      code: "RECORDING_EXISTS",
    });
    await record({ name: "two", streams: ["a"] });
    await record({ name: "three", streams: ["a"] });
    expect((await post("/recordings", { name: "four", streams: ["a"] })).json()).toMatchObject({
      code: "TOO_MANY_RECORDINGS",
    });
    for (const name of ["one", "two", "three"]) await stop(name);
  });

  it.each(["..%2F..%2Fetc%2Fpasswd", ".gateway", "run-1.json", "none.mcap", "run-1~7.mcap"])(
    "%s is not found",
    async (name) => {
      expect((await request(`${gateway.http}/recordings/${name}`)).status).toBe(404);
    },
  );

  it.each([join(root, "file/x"), "/proc/none/x"])(
    "the directory %s cannot be created, which is reported",
    async (path) => {
      writeFileSync(join(root, "file"), "");
      await using broken = await startTestGateway(redis.url, { RECORDINGS_DIR: path });
      const answer = await post("/recordings", { streams: ["a"] }, broken);
      expect([answer.status, answer.json()]).toMatchObject([503, { code: "RECORDINGS_UNAVAILABLE" }]);
    },
  );
});
