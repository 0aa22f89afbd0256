/** Playback by the client on real gateways and a real Redis. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { connect as connectAsBrowser } from "../../../client/browser.ts";
import { connect, type Playback, type PulledEntry, type Streamer } from "../../../client/index.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import type { TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";
import { type ClientSetup, startClientSetup } from "../client-setup.ts";

let setup: ClientSetup;
let redis: TestRedis;
let gateway: TestGateway;
let streamer: Streamer;
let streams = 0;

beforeAll(async () => {
  setup = await startClientSetup();
  ({ redis, gateway, streamer } = setup);
});
afterAll(() => setup[Symbol.asyncDispose]());

const T0 = 1_795_773_600_000;
const idOf = (i: number): string => `${T0 + 10 * i}-0`;
const range = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => idOf(from + i));

async function record(entries: number, prefix = "run"): Promise<string> {
  const stream = `${prefix}-${streams++}`;
  for (let i = 0; i < entries; i++) await add(stream, i);
  return stream;
}
const add = (stream: string, i: number) => redis.control.call("XADD", `default:${stream}`, idOf(i), "d", "x");

async function take(loop: AsyncIterator<PulledEntry>, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const next = await loop.next();
    if (next.done === true) break;
    ids.push(next.value.id);
  }
  return ids;
}

const untilStatus = (playback: Playback, status: string) =>
  until(`the playback is ${status}`, () => playback.state.value?.status === status);

test.each([
  ["Node", connect],
  ["browsers", connectAsBrowser],
])("plays a range with the client for %s, and reports its state", async (_platform, open) => {
  const stream = await record(30);
  const playback = open(gateway.http).play(stream, {
    ...{ start: new Date(T0 + 50), end: T0 + 250, rate: 2 },
  });
  const statuses: string[] = [];
  playback.state.subscribe(({ status }) => statuses.push(status));
  expect(await take(playback, 21)).toEqual(range(5, 25));
  await untilStatus(playback, "ended");
  expect(statuses).toEqual(["playing", "ended"]);
  await playback.return();
});

test("pauses, steps, seeks and becomes live", async () => {
  const stream = await record(100);
  const playback = streamer.play(stream, { rate: 0.1 });
  expect(await take(playback, 1)).toEqual(range(0, 0));
  playback.pause();
  await untilStatus(playback, "paused");
  playback.seek(idOf(40));
  playback.step();
  expect(await take(playback, 1)).toEqual(range(40, 40));
  playback.step(-1);
  expect(await take(playback, 1)).toEqual(range(39, 39));
  playback.play(100);
  expect(await take(playback, 60)).toEqual(range(40, 99));
  await untilStatus(playback, "ended");
  await add(stream, 100);
  playback.live();
  await untilStatus(playback, "live");
  await add(stream, 101);
  expect(await take(playback, 2)).toEqual(range(100, 101));
  await playback.return();
});

test("drops what was received before a seek", async () => {
  const stream = await record(200);
  const playback = streamer.play(stream, { rate: 0 });
  expect(await take(playback, 1)).toEqual(range(0, 0));
  await untilStatus(playback, "ended");
  playback.seek(T0 + 1950);
  expect(await take(playback, 5)).toEqual(range(195, 199));
  await playback.return();
});

test("drops what is on its way at a seek", async () => {
  const stream = `run-${streams++}`;
  const data = Buffer.alloc(20_000, "x");
  for (let i = 0; i < 500; i++) await redis.control.call("XADD", `default:${stream}`, idOf(i), "d", data);
  const playback = streamer.play(stream, { rate: 0 });
  expect(await take(playback, 1)).toEqual(range(0, 0));
  playback.seek(T0 + 4950);
  expect(await take(playback, 5)).toEqual(range(495, 499));
  await playback.return();
});

test("plays the streams of a pattern in the order of their ids", async () => {
  const [a, b] = [await record(5, "rig"), await record(5, "rig")];
  const playback = streamer.play("rig-*", { rate: 0 });
  const seen: string[] = [];
  for await (const { stream, id } of playback) {
    seen.push(`${id} ${stream}`);
    if (seen.length === 10) break;
  }
  expect(seen).toEqual(range(0, 4).flatMap((id) => [`${id} ${a}`, `${id} ${b}`]));
});

test("continues where it was after a reconnect, without a repeat: playing, paused and live", async () => {
  const port = await freePort();
  const start = () => startTestGateway(redis.url, { PORT: String(port) });
  let second = await start();
  const stream = await record(60);
  const playback = connect(second.http, { backoff: { firstMs: 10, maxMs: 50 } }).play(stream, { rate: 0.1 });
  expect(await take(playback, 3)).toEqual(range(0, 2));
  await second.close();
  second = await start();
  expect(await take(playback, 2)).toEqual(range(3, 4));
  playback.pause();
  await untilStatus(playback, "paused");
  await second.close();
  const statuses: string[] = [];
  playback.state.subscribe(({ status }) => statuses.push(status));
  second = await start();
  await until("it is paused again", () => statuses.includes("paused"));
  playback.step();
  const [stepped] = await take(playback, 1);
  expect(range(5, 7)).toContain(stepped);
  playback.seek(T0 + 500);
  playback.play(100);
  expect(await take(playback, 10)).toEqual(range(50, 59));
  playback.live();
  await untilStatus(playback, "live");
  await add(stream, 60);
  expect(await take(playback, 1)).toEqual(range(60, 60));
  await second.close();
  statuses.length = 0;
  await add(stream, 61);
  second = await start();
  await add(stream, 62);
  expect(await take(playback, 2)).toEqual(range(61, 62));
  await until("it is live again", () => statuses.includes("live"));
  await playback.return();
  await second.close();
});

test("rejects unknown options and invalid rates", async () => {
  expect(() => streamer.play("x", { rat: 2 } as object)).toThrow(/unknown option "rat"; did you mean rate/);
  expect(() => streamer.play("x", { rate: Number.NaN })).toThrow(/rate must be a number, got NaN/);
  await expect(streamer.play("x", { rate: 1000 }).next()).rejects.toMatchObject({ code: "BAD_PARAMETER" });
});
