/** Public client API on real gateways and a real Redis. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../bench/load/processes/free-port.ts";
import { connect as connectAsBrowser } from "../../client/browser.ts";
import { connect, type PulledEntry, type Streamer, StreamerError } from "../../client/index.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";
import { type ClientSetup, startClientSetup } from "./client-setup.ts";

let setup: ClientSetup;
let redis: TestRedis;
let gateway: TestGateway;
let streamer: Streamer;

beforeAll(async () => {
  setup = await startClientSetup();
  ({ redis, gateway, streamer } = setup);
});
afterAll(() => setup[Symbol.asyncDispose]());

/** Returns the first `count` entries of a loop. */
async function take(loop: AsyncIterable<PulledEntry>, count: number): Promise<PulledEntry[]> {
  const taken: PulledEntry[] = [];
  for await (const entry of loop) {
    taken.push(entry);
    if (taken.length === count) break;
  }
  return taken;
}

const add = (key: string, id: string, data: string) => redis.control.call("XADD", key, id, "d", data);

test("pulls pushed entries as bytes, text and JSON", async () => {
  const push = streamer.push("views", { device: "rover" });
  const id = await push.send('{"x":1}');
  const ids = await push.sendAll(["text", { data: Uint8Array.of(0xff), fields: { kind: "raw" } }]);
  await push.flush();
  await push.close();
  const [json, text, raw] = await take(streamer.pull("views", { device: "rover", from: "0" }), 3);
  expect([json?.id, text?.id, raw?.id]).toEqual([id, ...ids]);
  expect(json?.json()).toEqual({ x: 1 });
  expect(text?.text()).toBe("text");
  expect(raw?.bytes()).toEqual(Uint8Array.of(0xff));
  expect([json?.value(), text?.value(), raw?.value()]).toEqual([{ x: 1 }, "text", Uint8Array.of(0xff)]);
  expect(raw?.fields?.get("kind")).toEqual(Uint8Array.from(Buffer.from("raw")));
  expect(json?.timeMs).toBe(Number(id?.split("-")[0]));
  expect(() => raw?.text()).toThrow(expect.objectContaining({ code: "BAD_PAYLOAD" }));
  expect(() => text?.json()).toThrow(StreamerError);
});

test("keeps given ids; a rejected id fails alone, with the gateway's code", async () => {
  const push = streamer.push("own");
  expect(
    await push.sendAll([
      { data: "a", id: "5-1" },
      { data: "b", id: "7-0" },
    ]),
  ).toEqual(["5-1", "7-0"]);
  await expect(push.send("late", { id: "6-0" })).rejects.toMatchObject({ name: "StreamerError" });
  expect(await push.send("c", { id: "8-0" })).toBe("8-0");
  await push.close();
  await expect(push.send("d")).rejects.toMatchObject({ code: "CLOSED" });
});

test.each([
  ["Node", connect],
  ["browsers", connectAsBrowser],
])("the client for %s reports a gap only where entries were trimmed", async (platform, open) => {
  const key = `default:gap-${platform}`;
  for (let i = 1; i <= 20; i++) await add(key, `${i}-0`, String(i));
  await redis.control.call("XTRIM", key, "MINID", "11");
  const here = open(gateway.http);
  const trimmed = await take(here.pull(`gap-${platform}`, { from: "5-0" }), 10);
  expect(trimmed.map(({ id, gap }) => `${id} ${gap}`)).toEqual(
    Array.from({ length: 10 }, (_, i) => `${i + 11}-0 ${i === 0}`),
  );
  for (const from of ["11-0", "0"]) {
    const whole = await take(here.pull(`gap-${platform}`, { from }), 5);
    expect(whole.some(({ gap }) => gap)).toBe(false);
  }
});

test("reports a gap that arises while the gateway is down", async () => {
  const port = await freePort();
  const start = () => startTestGateway(redis.url, { PORT: String(port) });
  let second = await start();
  const loop = connect(second.http, { backoff: { firstMs: 10, maxMs: 50 } }).pull("resumed", { from: "0" });
  await add("default:resumed", "1-0", "1");
  expect((await loop.next()).value).toMatchObject({ id: "1-0", gap: false });
  await second.close();
  for (const id of ["2-0", "3-0"]) await add("default:resumed", id, id);
  second = await start();
  expect((await loop.next()).value).toMatchObject({ id: "2-0", gap: false });
  expect((await loop.next()).value).toMatchObject({ id: "3-0", gap: false });
  await second.close();
  for (const id of ["4-0", "5-0"]) await add("default:resumed", id, id);
  await redis.control.call("XTRIM", "default:resumed", "MINID", "5");
  second = await start();
  expect((await loop.next()).value).toMatchObject({ id: "5-0", gap: true });
  await loop.return();
  await second.close();
});

test("latest skips older entries, and a signal ends a loop with its reason", async () => {
  for (let i = 1; i <= 5; i++) await add("default:newest", `${i}-0`, String(i));
  const controller = new AbortController();
  const loop = streamer.pull("newest", { from: "0", latest: true, signal: controller.signal });
  expect((await loop.next()).value).toMatchObject({ id: "5-0" });
  const next = loop.next();
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(next).rejects.toBe(reason);
});

test("count limits messages and not the loop", async () => {
  for (let i = 1; i <= 10; i++) await add("default:counted", `${i}-0`, String(i));
  const taken = await take(streamer.pull("counted", { from: "0", count: 4 }), 10);
  expect(taken.map(({ timeMs }) => timeMs)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("reads history ranges in both directions, over pages, up to count", async () => {
  for (let i = 1; i <= 25; i++) await add("default:history", `${i}-0`, String(i));
  const ids = async (range: Parameters<Streamer["entries"]>[1]) => {
    const found: number[] = [];
    for await (const { timeMs } of streamer.entries("history", { pageCount: 4, ...range }))
      found.push(timeMs);
    return found;
  };
  const all = Array.from({ length: 25 }, (_, i) => i + 1);
  expect(await ids({})).toEqual(all);
  expect(await ids({ reverse: true })).toEqual([...all].reverse());
  expect(await ids({ start: "3", end: "(9" })).toEqual([3, 4, 5, 6, 7, 8]);
  expect(await ids({ reverse: true, count: 6 })).toEqual([25, 24, 23, 22, 21, 20]);
  await expect(ids({ start: "yesterday" })).rejects.toMatchObject({ code: "BAD_PARAMETER", status: 400 });
});

test("continues history after a page that was cut because its entries are large", async () => {
  await using small = await startTestGateway(redis.url, { MAX_ANSWER_BYTES: "1024" });
  const found: string[] = [];
  for (let i = 1; i <= 5; i++) await add("default:large", `${i}-0`, "x".repeat(1000));
  for await (const { id } of connect(small.http).entries("large")) found.push(id);
  expect(found).toEqual(["1-0", "2-0", "3-0", "4-0", "5-0"]);
});

test("lists and changes devices, streams and metadata", async () => {
  await redis.control.call("SADD", ":devices:seen", "rover");
  await add("rover:a:b", "3-0", "x");
  await add("bare", "1-0", "x");
  await add(":own", "1-0", "x");
  expect(await streamer.devices()).toEqual([{ id: "rover", connected: false, meta: {} }]);
  const streams = await streamer.streams({ match: "rover:a*" });
  expect(streams).toMatchObject([
    {
      key: "rover:a:b",
      device: "rover",
      stream: "a:b",
      length: 1,
      firstId: "3-0",
      lastId: "3-0",
      lastBytes: 2,
      meta: {},
    },
  ]);
  const listed = await streamer.streams();
  expect(listed.find(({ key }) => key === "bare")).toMatchObject({ device: "", stream: "bare" });
  expect(listed.map(({ key }) => key)).not.toContain(":own");
  await streamer.setMeta("a:b", { unit: "m" }, { device: "rover" });
  await streamer.setMeta("a:b", { rate: 5 }, { device: "rover", merge: true });
  expect(await streamer.meta("a:b", { device: "rover" })).toEqual({ unit: "m", rate: 5 });
  const declaration = { contentType: "application/json", schema: { name: "Imu" }, units: { x: "m" } };
  await streamer.declare("a:b", declaration, { device: "rover" });
  expect(await streamer.meta("a:b", { device: "rover" })).toEqual({ unit: "m", rate: 5, ...declaration });
  await expect(streamer.declare("a:b", { contentType: "jpeg" })).rejects.toMatchObject({
    code: "BAD_PARAMETER",
  });
  expect(await streamer.deleteStream("a:b", { device: "rover" })).toBe(true);
  expect(await streamer.deleteStream("a:b", { device: "rover" })).toBe(false);
  expect(await streamer.server()).toMatchObject({ version: "test", redisMode: "standalone" });
});

test("reports device events and metrics", async () => {
  const push = streamer.push("counted");
  await push.sendAll(["a", "b"]);
  await fetch(`${gateway.http}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query:
        'mutation { a: connectDevice(deviceId: "arm", meta: {n: 1}) b: disconnectDevice(deviceId: "arm") }',
    }),
  });
  const events = await streamer.events();
  expect(events.map(({ what, device, meta }) => [what, device, meta])).toEqual(
    expect.arrayContaining([
      ["connected", "arm", { n: 1 }],
      ["meta", "arm", { n: 1 }],
      ["disconnected", "arm", undefined],
    ]),
  );
  expect(events.map(({ timeMs }) => timeMs)).toEqual(
    events.map(({ timeMs }) => timeMs).sort((a, b) => a - b),
  );
  expect(await streamer.events({ count: 1 })).toHaveLength(2);
  const metrics = await streamer.metrics();
  expect(metrics.get('redis_streamer_entries_in_total{class="default"}')).toBeGreaterThanOrEqual(2);
  expect(metrics.get('redis_streamer_connections{kind="push"}')).toBeGreaterThanOrEqual(1);
  await push.close();
  const aborted = AbortSignal.abort(new Error("before"));
  await expect(streamer.events({ signal: aborted })).rejects.toThrow("before");
  await expect(streamer.metrics({ signal: aborted })).rejects.toThrow("before");
});

test("reports the size of the last entry with all its fields", async () => {
  await redis.control.call("XADD", "size:s", "1-0", "a", "xx", "d", "payload", "b", "yyy");
  await redis.control.call("XADD", "size:none", "1-0", "a", "xx");
  const sizes = (await streamer.streams({ match: "size:*" })).map(({ key, lastBytes }) => [key, lastBytes]);
  expect(sizes).toEqual([
    ["size:none", 3],
    ["size:s", 15],
  ]);
});

test("passes count and maxFps to the gateway and reports its rejection", async () => {
  for (let i = 1; i <= 9; i++) await add("default:bounded", `${i}-0`, String(i));
  const newest = await take(streamer.pull("bounded", { from: "0", latest: true, count: 3 }), 3);
  expect(newest.map(({ id }) => id)).toEqual(["7-0", "8-0", "9-0"]);
  // The rejection proves that the gateway received the options.
  await expect(streamer.pull("bounded", { maxFps: -1 }).next()).rejects.toThrow("max_fps");
  await expect(streamer.pull("bounded", { count: -1 }).next()).rejects.toThrow("count");
});

test("lists and changes streams of a gateway without devices", async () => {
  await using plain = await startTestGateway(redis.url, { DISABLE_MULTI_DEVICE_PREFIXING: "1" });
  const here = connect(plain.http);
  await add("a:plain", "1-0", "x");
  expect(await here.devices()).toEqual([]);
  expect(await here.streams({ match: "a:plain" })).toMatchObject([{ device: undefined, stream: "a:plain" }]);
  await here.setMeta("a:plain", { n: 1 });
  await here.declare("a:plain", { title: "x" });
  expect(await here.meta("a:plain")).toEqual({ n: 1, title: "x" });
  expect(await here.deleteStream("a:plain")).toBe(true);
});

test("reports an unreachable gateway, an unavailable Redis and an aborted signal", async () => {
  const unreachable = connect(`http://127.0.0.1:${await freePort()}`);
  await expect(unreachable.streams()).rejects.toMatchObject({ code: "UNREACHABLE", retryable: true });
  const aborted = AbortSignal.abort(new Error("before"));
  await expect(streamer.devices({ signal: aborted })).rejects.toThrow("before");
  await using failing = await startRedis();
  await using there = await startTestGateway(failing.url, { REDIS_WAIT_MS: "50" });
  await failing.kill();
  await until("the gateway reports it", async () => {
    const failure: unknown = await connect(there.http)
      .streams()
      .catch((error: unknown) => error);
    return failure instanceof StreamerError && failure.code === "REDIS_UNAVAILABLE" && failure.retryable;
  });
});

test("pulls the streams of a pattern, those that appear later, and resumes them", async () => {
  const other = await startTestGateway(redis.url, { PORT: String(await freePort()) });
  const joined: string[] = [];
  const left: string[] = [];
  const first = await add("rig:cam-1", "*", "a");
  await add("rig:debug", "*", "no");
  const loop = connect(other.http, { backoff: { firstMs: 10, maxMs: 50 } }).pull("*", {
    device: "rig",
    from: "0",
    exclude: "deb*",
    onJoined: (stream) => joined.push(stream),
    onLeft: (stream) => left.push(stream),
  });
  const next = async () => (await loop.next()).value as PulledEntry | undefined;
  expect(await next()).toMatchObject({ stream: "cam-1", id: String(first) });
  await add("rig:cam-2", "*", "b");
  expect((await next())?.stream).toBe("cam-2");
  expect(joined).toEqual(["cam-2"]);
  // While the client is disconnected, one stream grows, one appears and one vanishes.
  await other.close();
  await add("rig:cam-1", "*", "c");
  await add("rig:cam-3", "*", "d");
  await redis.control.call("DEL", "rig:cam-2");
  await using _again = await startTestGateway(redis.url, { PORT: new URL(other.http).port });
  const resumed = [await next(), await next()];
  expect(resumed.map((entry) => `${entry?.stream}=${entry?.text()}`).sort()).toEqual(["cam-1=c", "cam-3=d"]);
  expect([joined, left]).toEqual([["cam-2", "cam-3"], ["cam-2"]]);
  await loop.return();
});

test("reads the history of a pattern, and takes an asterisk literally on request", async () => {
  await add("hist:*", "1-0", "star");
  await add("hist:a", "2-0", "a");
  await add("hist:b", "2-0", "b");
  const merged = await take(streamer.entries("*", { device: "hist", pageCount: 1 }), 3);
  expect(merged.map(({ stream, id }) => `${stream} ${id}`)).toEqual(["* 1-0", "a 2-0", "b 2-0"]);
  const [literal, ...more] = await take(streamer.entries("*", { device: "hist", pattern: false }), 3);
  expect([literal?.text(), more]).toEqual(["star", []]);
  const [pulled] = await take(streamer.pull("*", { device: "hist", from: "0", pattern: false }), 1);
  expect(pulled?.text()).toBe("star");
  const push = streamer.push("*", { device: "hist" });
  expect(await push.send("pushed")).toMatch(/^\d+-\d+$/);
  await push.close();
});
