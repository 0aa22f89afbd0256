/** Stalls of a real Redis, whose process is stopped and continued. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { RedisSocket } from "../../../src/redis/resp/redis-socket.ts";
import { detectStalls } from "../../../src/redis/resp/stall-detector.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** Time (ms) without data that counts as a stall. */
const STALL_MS = 80;
/** Time (ms) of a check. */
const CHECK_MS = STALL_MS / 4;

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
afterEach(() => {
  redis.thaw();
  vi.useRealTimers();
});

/** A detector on a socket that sends PINGs. */
class WatchedSocket implements Disposable {
  /** Commands without a reply. */
  pending = 0;
  stalls = 0;
  readonly #socket: RedisSocket;
  readonly #detector = detectStalls(
    STALL_MS,
    () => this.pending > 0,
    () => this.stalls++,
  );

  constructor() {
    this.#socket = new RedisSocket({
      ...{ address: parseRedisUrl(redis.url), name: "unit", logger: silent },
      ...{ onConnect: () => undefined, onPush: () => undefined, onEnd: () => undefined },
      onData: () => this.#detector.received(),
      onReply: () => this.pending--,
    });
  }

  ping(): void {
    this.pending++;
    this.#socket.write([Buffer.from("PING\r\n")]);
  }

  async roundTrip(): Promise<void> {
    this.ping();
    await until("Redis replies", () => this.pending === 0);
  }

  [Symbol.dispose](): void {
    this.#detector.stop();
    this.#socket.end("the test has ended");
  }
}

test("reports a stopped Redis, although commands are still written", async () => {
  using watched = new WatchedSocket();
  await watched.roundTrip();
  redis.freeze();
  await until("the stall is reported", () => {
    watched.ping();
    return watched.stalls > 0;
  });
});

test("reports nothing when a Redis that was stopped replies again in time", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  using watched = new WatchedSocket();
  await watched.roundTrip();
  redis.freeze();
  watched.ping();
  vi.advanceTimersByTime(4 * CHECK_MS);
  redis.thaw();
  await until("Redis replies", () => watched.pending === 0);
  watched.pending = 1;
  vi.advanceTimersByTime(4 * CHECK_MS);
  expect(watched.stalls).toBe(0);
  vi.advanceTimersByTime(2 * CHECK_MS);
  expect(watched.stalls).toBeGreaterThan(0);
});

test("does not report a Redis that owes no reply", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  using watched = new WatchedSocket();
  await watched.roundTrip();
  redis.freeze();
  vi.advanceTimersByTime(100 * CHECK_MS);
  expect(watched.stalls).toBe(0);
});

test("reports nothing after it was stopped", () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  let stalls = 0;
  const detector = detectStalls(
    STALL_MS,
    () => true,
    () => stalls++,
  );
  detector.stop();
  vi.advanceTimersByTime(100 * CHECK_MS);
  expect(stalls).toBe(0);
});
