/** Cached answers for polling clients: valid until the stream changes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EntryId, FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { createPolledReads } from "../../../src/redis/read/poll-cache.ts";
import { createStreamReader } from "../../../src/redis/read/stream-reader.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

function open(limitBytes = 1_000_000) {
  const counters = createCounters();
  let connection: Connection | undefined;
  const polled = createPolledReads({
    connect(hooks) {
      connection = new Connection({
        ...hooks,
        address: parseRedisUrl(redis.url),
        name: "polls",
        logger: silent,
        waitMs: 5000,
      });
      return connection;
    },
    readsOver: (reads, largeReads) =>
      createStreamReader({
        reads,
        largeReads,
        sizes: createEntrySizes(),
        answerBytes: 2 ** 26,
        pageBytes: 2 ** 18,
      }),
    largeReads: redis.control,
    limitBytes,
    counters,
  });
  return { ...polled, counters, [Symbol.dispose]: () => connection?.close() };
}

const add = async (key: string, data = "x") => String(await redis.control.call("XADD", key, "*", "d", data));
const idsOf = (page: { entries: readonly { id: EntryId }[] }) => page.entries.map(({ id }) => String(id));

/** Reads until the answer is cached: tracking starts shortly after the connection is ready. */
const known = (polled: ReturnType<typeof open>, key: string) =>
  until("the answer is cached", async () => {
    await polled.reads.readAfter(key, FIRST_ID, 10);
    return polled.reads.knownAfter(key, FIRST_ID, 10) !== undefined;
  });

test("keeps an answer until the stream changes, by any command", async () => {
  using polled = open();
  const { reads } = polled;
  const changes: readonly (() => Promise<unknown>)[] = [
    () => add("changes"),
    () => redis.control.call("XTRIM", "changes", "MAXLEN", 0),
    () => redis.control.call("DEL", "changes"),
    () => add("changes"),
    () => redis.control.call("FLUSHALL"),
  ];
  for (const change of changes) {
    await known(polled, "changes");
    await change();
    await until("the answer is dropped", () => reads.knownAfter("changes", FIRST_ID, 10) === undefined);
    const page = await reads.readAfter("changes", FIRST_ID, 10);
    const entries = (await redis.control.call("XRANGE", "changes", "-", "+")) as [Buffer][];
    expect(idsOf(page)).toEqual(entries.map(([id]) => String(id)));
  }
});

test("does not cache a read that was sent before an own append", async () => {
  using polled = open();
  await known(polled, "own");
  polled.forget("own");
  const answer = polled.reads.readAfter("own", FIRST_ID, 10);
  polled.forget("own");
  await answer;
  expect(polled.reads.knownAfter("own", FIRST_ID, 10)).toBeUndefined();
});

test("a lost connection clears the cache, and later answers are cached again", async () => {
  using polled = open();
  await add("lost");
  await known(polled, "lost");
  await redis.control.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await until("the answer is dropped", () => polled.reads.knownAfter("lost", FIRST_ID, 10) === undefined);
  await known(polled, "lost");
});

test("bounds and counts the cache, and does not cache large answers", async () => {
  using polled = open(20_000);
  await add("large", "x".repeat(70_000));
  for (let i = 0; i < 200; i++) {
    await add(`bounded-${i}`, "x".repeat(1000));
    await polled.reads.readAfter(`bounded-${i}`, FIRST_ID, 10);
    await polled.reads.readNewest(`bounded-${i}`, FIRST_ID, 10);
    await polled.reads.readAfter("large", FIRST_ID, 10);
    expect(polled.counters.pollCacheBytes).toBeLessThanOrEqual(20_000);
    expect(polled.reads.knownAfter("large", FIRST_ID, 10)).toBeUndefined();
  }
  await redis.control.call("FLUSHALL");
  await until("the cache is empty", () => polled.counters.pollCacheBytes === 0);
});
