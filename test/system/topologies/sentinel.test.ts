/**
 * Sentinel failovers under load. The gateway process keeps running and continues at the new master. Readers receive all
 * entries of the new master once and in order. Acknowledged entries are stored, except the last ones that the old master
 * had not replicated.
 */
import { afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { type Pusher, type Reader, startPusher, startReader, type Way } from "../../support/gateway/load.ts";
import type { TestRedis } from "../../support/redis/redis.ts";
import { MASTER, startSentinel, startWatched, type Watched } from "../../support/redis/sentinels.ts";
import { until } from "../../support/until.ts";

const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];

describe("a failover under load", () => {
  let watched: Watched;
  let gateway: GatewayProcess;
  let pushers: readonly Pusher[];
  let readers: readonly Reader[];

  /** @param args further arguments of the first master */
  async function start(...args: readonly string[]): Promise<void> {
    watched = await startWatched(...args);
    gateway = await startGatewayProcess({
      env: {
        REDIS_URL: watched.url,
        REDIS_STREAM_MAXLEN: "0",
        MAX_BATCH_ENTRIES: "1000000",
        REDIS_WAIT_MS: "60000",
      },
    });
    readers = await Promise.all(WAYS.map((way) => startReader(gateway.ws, "s", way)));
    pushers = await Promise.all([startPusher(gateway.ws, "s", 20, 1), startPusher(gateway.ws, "s", 20, 1)]);
  }
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    await gateway[Symbol.asyncDispose]();
    await watched[Symbol.asyncDispose]();
  });

  /** Waits until more entries of every pusher are acknowledged. */
  async function progress(): Promise<void> {
    const before = pushers.map(({ acknowledged }) => acknowledged.size);
    await until(
      () => `the pushers go on behind ${before}: ${gateway.logged.join("; ")}`,
      () => pushers.every(({ acknowledged }, i) => acknowledged.size > (before[i] ?? 0) + 100),
      60_000,
    );
  }

  /** Ends the load and checks its entries. */
  async function settle(): Promise<void> {
    await Promise.all(pushers.map((pusher) => pusher.stop()));
    const answer = await request(`${gateway.http}/data/s/entries?format=json&count=1000000`);
    const stored = (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
    const positions = new Map(stored.map(({ id }, position) => [id, position]));
    const last = stored.at(-1)?.id;
    await until(
      () => `all readers have ${last}: ${readers.map(({ entries }) => entries.at(-1)?.id)}`,
      () => readers.every(({ entries }) => entries.at(-1)?.id === last),
    );
    // All lost entries are consecutive, after the last one that the replica had when it was promoted.
    const holes = new Set<string | undefined>();
    for (const { entries } of readers) {
      expect(entries.filter(({ id }) => positions.has(id))).toEqual(stored);
      for (const [i, { id }] of entries.entries())
        if (!positions.has(id)) holes.add(entries.slice(0, i).findLast((one) => positions.has(one.id))?.id);
    }
    const seen = new Set(readers.flatMap(({ entries }) => entries.map(({ id }) => id)));
    for (const { acknowledged, failed } of pushers) {
      for (const [id, number] of acknowledged) {
        const position = positions.get(id);
        if (position === undefined) expect(seen.has(id)).toBe(true);
        else expect(stored[position]?.text).toBe(String(number));
      }
      // Only entries that were in flight to the old master, or reached it after its demotion, may fail.
      for (const code of failed.values()) expect(["APPEND_UNKNOWN", "REDIS_UNAVAILABLE"]).toContain(code);
    }
    expect([...holes].length).toBeLessThanOrEqual(1);
    expect(await gateway.metric("gaps_total")).toBe(0);
    expect(await gateway.metric("appends_in_flight")).toBe(0);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  }

  const connectionsAt = async ({ control }: TestRedis) =>
    String(await control.call("CLIENT", "LIST")).match(/name=redis-streamer:(?!test)\w+/g)?.length ?? 0;

  test("continues at the replica after the master is killed", async () => {
    await start();
    await progress();
    const old = await watched.master();
    await old.kill();
    await progress();
    expect((await watched.master()).port).not.toBe(old.port);
    // The old master restarts, as a master until the sentinels demote it. No client connects to it.
    await old.start();
    await progress();
    await settle();
    expect(await connectionsAt(old)).toBe(0);
  }, 180_000);

  test.each([
    ["that is demoted to a replica", []],
    ["that cannot be demoted", ["--rename-command", "SLAVEOF", ""]],
  ])(
    "leaves a master %s, although it replies",
    async (_which, args) => {
      await start(...args);
      await progress();
      const old = await watched.master();
      await watched.sentinels[1]?.control.call("SENTINEL", "FAILOVER", MASTER);
      await until("the master has moved", async () => (await watched.master()).port !== old.port, 60_000);
      const now = await watched.master();
      await until(
        "the gateway has moved",
        async () => (await connectionsAt(old)) === 0 && (await connectionsAt(now)) >= 4,
        60_000,
      );
      await progress();
      await settle();
    },
    180_000,
  );
});

describe("sentinels without a usable master", () => {
  test("are listed with the problem of each at startup", async () => {
    await using sentinel = await startSentinel(await freePort(), 1);
    const dead = await freePort();
    const url = `redis+sentinel://127.0.0.1:${dead},127.0.0.1:${sentinel.port}/birds`;
    await expect(startTestGateway(url)).rejects.toThrow(
      `no sentinel returned the address of master "birds" (127.0.0.1:${dead}: no reply: connect ECONNREFUSED 127.0.0.1:${dead}; ` +
        `127.0.0.1:${sentinel.port}: unknown master name)`,
    );
  });

  test("that require a password report it, and accept it", async () => {
    await using sentinel = await startSentinel(await freePort(), 1, ["requirepass hush"]);
    const url = `redis+sentinel://127.0.0.1:${sentinel.port}/${MASTER}`;
    await expect(startTestGateway(url)).rejects.toThrow(/it rejected the query: NOAUTH/);
    await expect(startTestGateway(`${url}?sentinel_password=no`)).rejects.toThrow(
      /rejected the query: WRONGPASS/,
    );
    // The sentinels name a master that is down, so the gateway waits for it.
    await using gateway = await startTestGateway(`${url}?sentinel_password=hush`, { REDIS_WAIT_MS: "100" });
    expect((await request(`${gateway.http}/data/a/entries`)).status).toBe(503);
  });

  test("that do not reply are retried", async () => {
    const warnings: string[] = [];
    const port = await freePort();
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (_fields: object, message: string) => void warnings.push(message),
      error: () => undefined,
    };
    const url = `redis+sentinel://127.0.0.1:${port}/${MASTER}`;
    await using gateway = await startTestGateway(url, { REDIS_WAIT_MS: "100" }, logger);
    expect((await request(`${gateway.http}/data/a/entries`)).status).toBe(503);
    expect(warnings[0]).toMatch(
      /^no sentinel returned the address of master "cameras" .*retrying until one does$/,
    );
  });
});
