/** Workers of the client on real gateways and a real Redis. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { connect as connectAsBrowser } from "../../client/browser.ts";
import { connect, type Job, type Streamer } from "../../client/index.ts";
import { startTestGateway, type TestGateway } from "../support/gateway/gateway.ts";
import type { TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";
import { type ClientSetup, startClientSetup } from "./client-setup.ts";

let setup: ClientSetup;
let redis: TestRedis;
let gateway: TestGateway;
let streamer: Streamer;

beforeAll(async () => {
  setup = await startClientSetup({ backoff: { firstMs: 5, maxMs: 50 } });
  ({ redis, gateway, streamer } = setup);
});
afterAll(() => setup[Symbol.asyncDispose]());
afterEach(() => redis.control.call("FLUSHALL"));

const add = (stream: string, id: string, ...fields: string[]) =>
  redis.control.call("XADD", `default:${stream}`, id, "d", ...fields);
const pendingOf = async (stream: string) =>
  ((await redis.control.call("XPENDING", `default:${stream}`, "g")) as [number])[0];

/** Returns the next job of a loop. */
async function next(loop: AsyncIterator<Job>): Promise<Job> {
  const { value, done } = await loop.next();
  if (done === true) throw new Error("the loop has ended");
  return value;
}

test.each([
  ["Node", connect],
  ["browsers", connectAsBrowser],
])("the client for %s receives and settles jobs", async (_platform, open) => {
  await add("jobs", "5-1", "a", "kind", "x");
  await add("jobs", "5-2", "b");
  await add("jobs", "5-3", "c");
  const loop = open(gateway.http).work("jobs", { group: "g", from: "0" })[Symbol.asyncIterator]();
  const [a, b, c] = [await next(loop), await next(loop), await next(loop)];
  expect([a.text(), a.deliveries, a.stream]).toEqual(["a", 1, "jobs"]);
  expect(a.fields?.get("kind")).toEqual(Uint8Array.from(Buffer.from("x")));
  expect(await Promise.all([a.progress(), b.ack(), c.term("broken")])).toEqual([true, true, true]);
  expect(await Promise.all([a.nack(), b.ack()])).toEqual([true, false]);
  const again = await next(loop);
  expect([again.id, again.deliveries]).toEqual(["5-1", 2]);
  // Settled before the loop is left, although nothing waits for it.
  void again.ack();
  await loop.return?.();
  expect(await pendingOf("jobs")).toBe(0);
  expect(await redis.control.call("XLEN", "default:jobs:dead:g")).toBe(1);
});

test("a loop from which several jobs are requested at once returns each one once, in order, and none after its end", async () => {
  const loop = streamer.work("jobs", { group: "g", from: "0" })[Symbol.asyncIterator]();
  const early = Promise.all([next(loop), next(loop), next(loop)]);
  for (let i = 1; i <= 5; i++) await add("jobs", `5-${i}`, String(i));
  expect((await early).map(({ id }) => id)).toEqual(["5-1", "5-2", "5-3"]);
  expect((await Promise.all([next(loop), next(loop)])).map(({ id }) => id)).toEqual(["5-4", "5-5"]);
  await add("jobs", "5-6", "6");
  await add("jobs", "5-7", "7");
  expect((await next(loop)).id).toBe("5-6");
  const [, after] = await Promise.all([loop.return?.(), loop.next()]);
  expect(after).toEqual({ done: true, value: undefined });
  expect(await loop.next()).toEqual({ done: true, value: undefined });
});

test("leaving the loop gives its jobs back", async () => {
  await add("jobs", "5-1", "a");
  for await (const job of streamer.work("jobs", { group: "g", from: "0" })) {
    expect(job.deliveries).toBe(1);
    break;
  }
  for await (const job of streamer.work("jobs", { group: "g" })) {
    expect([job.id, job.deliveries]).toEqual(["5-1", 1]);
    break;
  }
});

test("names the stream of a job with several streams, in order of priority", async () => {
  await add("low", "5-1", "l");
  await add("high", "5-1", "h");
  const loop = streamer.work(["high", "low"], { group: "g", from: "0" })[Symbol.asyncIterator]();
  const [high, low] = [await next(loop), await next(loop)];
  expect([high.stream, low.stream]).toEqual(["high", "low"]);
  expect(await Promise.all([low.ack(), high.ack()])).toEqual([true, true]);
  await loop.return?.();
});

test("run acknowledges what returns, gives back what throws, and keeps what is slow", async () => {
  for (let i = 1; i <= 6; i++) await add("jobs", `5-${i}`, String(i));
  const stop = new AbortController();
  const handled: string[] = [];
  const errors: string[] = [];
  let running = 0;
  let max = 0;
  const done = streamer
    .work("jobs", { group: "g", from: "0", ackWait: 3000, signal: stop.signal })
    .run(
      async (job) => {
        max = Math.max(max, ++running);
        // Longer than ackWait.
        if (job.text() === "1") await new Promise((resolve) => setTimeout(resolve, 4500));
        await Promise.resolve();
        running--;
        if (job.text() === "2" && job.deliveries < 3) throw new Error("not yet");
        handled.push(`${job.text()} ${job.deliveries}`);
      },
      { concurrency: 3, retryDelay: 1, onError: (error) => errors.push(String(error)) },
    )
    .catch((error: unknown) => error);
  await until("all are handled", () => handled.length === 6);
  await until("nothing is pending", async () => (await pendingOf("jobs")) === 0);
  stop.abort(new Error("stopped"));
  expect(await done).toMatchObject({ message: "stopped" });
  expect(handled.sort()).toEqual(["1 1", "2 3", "3 1", "4 1", "5 1", "6 1"]);
  expect(errors).toEqual(["Error: not yet", "Error: not yet"]);
  expect([2, 3]).toContain(max);
});

test("run finishes and acknowledges the jobs that are running when it is stopped", async () => {
  await add("jobs", "5-1", "a");
  const stop = new AbortController();
  let hasEnded = false;
  const done = streamer.work("jobs", { group: "g", from: "0", signal: stop.signal }).run(async () => {
    stop.abort(new Error("stopped"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    hasEnded = true;
  });
  await expect(done).rejects.toMatchObject({ message: "stopped" });
  expect(hasEnded).toBe(true);
  expect(await pendingOf("jobs")).toBe(0);
});

test("continues through another connection, and cannot settle jobs of the former one", async () => {
  const own = await startTestGateway(redis.url);
  const port = new URL(own.http).port;
  await add("jobs", "5-1", "a");
  const loop = connect(own.http, { backoff: { firstMs: 5, maxMs: 50 } })
    .work("jobs", { group: "g", from: "0" })
    [Symbol.asyncIterator]();
  const first = await next(loop);
  await own.close();
  expect(await first.ack()).toBe(false);
  await using _again = await startTestGateway(redis.url, { PORT: port });
  const second = await next(loop);
  expect([second.id, second.deliveries]).toEqual(["5-1", 1]);
  expect(await second.ack()).toBe(true);
  await loop.return?.();
});

test("reports entries that were trimmed before they were done", async () => {
  await add("jobs", "5-1", "a");
  const lost: unknown[] = [];
  const loop = streamer
    .work("jobs", { group: "g", from: "0", ackWait: 200, onLost: (entries) => lost.push(...entries) })
    [Symbol.asyncIterator]();
  await next(loop);
  await redis.control.call("XDEL", "default:jobs", "5-1");
  await until("the loss is reported", () => lost.length > 0);
  expect(lost).toEqual([{ stream: "jobs", id: "5-1" }]);
  await loop.return?.();
});

test("rejects unknown options, and parameters that the gateway rejects", async () => {
  const wrong = { group: "g", permit: 5 } as unknown as { group: string };
  expect(() => streamer.work("jobs", wrong)).toThrow("did you mean permits?");
  const loop = streamer.work("jobs", { group: "g", permits: 5000 })[Symbol.asyncIterator]();
  await expect(loop.next()).rejects.toMatchObject({ code: "BAD_PARAMETER" });
  const run = streamer.work("jobs", { group: "g", ackWait: 1 }).run(() => undefined);
  await expect(run).rejects.toMatchObject({ code: "BAD_PARAMETER" });
});
