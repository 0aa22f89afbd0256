/** Own entries of a stream that was created again, while the tail's read of it is on its way. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EntryId, FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { createLoopback } from "../../../src/redis/append/loopback.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import type { TailRead } from "../../../src/redis/tail/tail.ts";
import { TrackingTail } from "../../../src/redis/tail/tracking-tail.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let relay: Relay;

beforeEach(async () => {
  redis = await startRedis();
  relay = await startRelay(Number(new URL(redis.url).port));
});
afterEach(async () => {
  relay.close();
  await redis[Symbol.asyncDispose]();
});

interface Relay {
  readonly port: number;
  /** Keeps commands back; replies and pushes pass. */
  hold(): void;
  release(): void;
  close(): void;
}

async function startRelay(target: number): Promise<Relay> {
  const clients = new Set<Socket>();
  const held: (() => void)[] = [];
  let isHeld = false;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    clients.add(client);
    client.on("data", (bytes) => {
      if (isHeld) held.push(() => upstream.write(bytes));
      else upstream.write(bytes);
    });
    upstream.pipe(client);
    client.on("error", () => undefined);
    upstream.on("error", () => undefined);
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      for (const send of held.splice(0)) send();
    },
    close() {
      for (const client of clients) client.destroy();
      server.close();
    },
  };
}

test("are not delivered as the next entries of the deleted stream, although they follow the same id", async () => {
  const loopback = createLoopback();
  const reads: TailRead[] = [];
  const tail = new TrackingTail({
    address: parseRedisUrl(`redis://127.0.0.1:${relay.port}`),
    logger: silent,
    sizes: createEntrySizes(),
    counters: createCounters(),
    loopback,
    onReads: (some) => reads.push(...some) > 0,
  });
  const received = () => reads.flatMap(({ entries }) => entries.map(({ id }) => id));
  try {
    tail.watch("s", FIRST_ID);
    const watch = loopback.watchOf("s");
    if (watch === undefined) throw new Error("the stream is not watched");
    const stored = (id: string) =>
      loopback.stored("s", watch, [{ id: id as EntryId, data: Buffer.from("new") }]);
    for (const id of ["1-0", "2-0"]) await redis.control.call("XADD", "s", id, "d", "old");
    await until("the tail reads the stream", () => received().join() === "1-0,2-0");
    stored("2-0");
    relay.hold();
    const recreate = `redis.call('DEL', KEYS[1])
      for _, id in ipairs(ARGV) do redis.call('XADD', KEYS[1], id, 'd', 'new') end`;
    await redis.control.call("EVAL", recreate, 1, "s", "1-0", "2-0", "3-0");
    loopback.disturb("s");
    stored("2-0");
    stored("3-0");
    relay.release();
    await until("the tail delivers the new entry", () => received().join() === "1-0,2-0,3-0");
    expect(
      reads.filter(({ isNewLife }) => isNewLife).map(({ entries }) => entries.map(({ id }) => id)),
    ).toEqual([["3-0"]]);
    stored("4-0");
    await until("and continues by loopback", () => received().at(-1) === "4-0");
  } finally {
    tail.close();
  }
});
