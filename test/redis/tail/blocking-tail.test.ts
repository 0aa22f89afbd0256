import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { type Counters, createCounters } from "../../../src/observe/counters.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { createLoopback } from "../../../src/redis/append/loopback.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { BlockingTail } from "../../../src/redis/tail/blocking-tail.ts";
import { type BadNetwork, startBadNetwork } from "../../support/redis/bad-network.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";
import { testTail, type Writer } from "../tail-suite.ts";

describe.each<Writer>(["others", "itself", "both"])("the blocking tail, entries added by %s", (writer) =>
  testTail("blocking", writer),
);

describe("a blocked read of the tail", () => {
  let redis: TestRedis;
  let network: BadNetwork;
  let counters: Counters;
  let tail: BlockingTail;
  let arrived: Set<string>;

  beforeEach(async () => {
    redis = await startRedis();
    network = await startBadNetwork(redis.port);
    counters = createCounters();
    arrived = new Set();
    tail = new BlockingTail({
      address: parseRedisUrl(network.url),
      control: redis.control,
      logger: silent,
      sizes: createEntrySizes(),
      counters,
      loopback: createLoopback(),
      onReads(reads) {
        for (const { key } of reads) arrived.add(key);
        return true;
      },
    });
    tail.watch("first", FIRST_ID);
    await passes("first");
    await until("the tail is blocked", async () =>
      /name=redis-streamer:tail .* flags=b/.test(String(await redis.control.call("CLIENT", "LIST"))),
    );
  });
  afterEach(async () => {
    tail.close();
    await network[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  async function passes(key: string): Promise<void> {
    await redis.control.call("XADD", key, "*", "d", "x");
    await until(`${key} arrives`, () => arrived.has(key));
  }
  /** Number of interruptions. A read that is not interrupted returns after seconds. */
  async function unblocks(): Promise<number> {
    const stats = String(await redis.control.call("INFO", "commandstats"));
    return Number(/^cmdstat_client\|unblock:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
  }

  test("is interrupted once for all streams that are watched in one turn", async () => {
    for (let i = 0; i < 500; i++) tail.watch(`s${i}`, FIRST_ID);
    await passes("s499");
    expect(await unblocks()).toBeLessThan(5);
  });

  test("is interrupted for a stream that was watched before the tail knew its client id", async () => {
    const before = counters.tailReads;
    network.cut();
    while (counters.tailReads === before) await eventLoopTurns(1);
    // The read and the request of the client id are on their way.
    network.stall();
    tail.watch("second", FIRST_ID);
    network.forward();
    await passes("second");
    expect(await unblocks()).toBeGreaterThan(0);
  });
});
