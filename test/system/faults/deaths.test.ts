/**
 * Processes are killed or hang for longer than any timeout: the gateway, Redis, or both. Clients that reconnect resume
 * where they were. Acknowledged entries are stored, and pushers know which unacknowledged ones may be.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import {
  type Pusher,
  type Reader,
  type SeenEntry,
  startPusher,
  startReader,
  type Way,
} from "../../support/gateway/load.ts";
import { DURABLE, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];
const ALL = { REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "deaths-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Pushers and readers that reconnect whenever the gateway restarts, with all that they received. */
interface Load {
  readonly pushers: Pusher[];
  /** Per kind of reader, over all its connections. */
  readonly seen: SeenEntry[][];
  readers: readonly Reader[];
}

const startLoad = (): Load => ({ pushers: [], seen: WAYS.map(() => []), readers: [] });

/** Connects all clients, readers after their last entry, and waits until entries arrive. */
async function connect(load: Load, { ws, logged }: GatewayProcess): Promise<void> {
  load.readers = await Promise.all(
    WAYS.map((way, i) => startReader(ws, "s", way, load.seen[i]?.at(-1)?.id ?? "0")),
  );
  load.pushers.push(...(await Promise.all([startPusher(ws, "s", 20, 1), startPusher(ws, "s", 20, 1)])));
  const [one, other] = load.pushers.slice(-2);
  await until(
    () => `both pushers push: ${logged.join("; ")}`,
    () => [one, other].every((pusher) => (pusher?.acknowledged.size ?? 0) > 50),
    20_000,
  );
}

/** Records the entries that the readers received; their connections are closed, or close now. */
async function disconnect(load: Load): Promise<void> {
  await Promise.all(load.pushers.map((pusher) => pusher.stop()));
  await Promise.all(load.readers.map((reader) => reader[Symbol.asyncDispose]()));
  load.readers.forEach(({ entries, gaps }, i) => {
    load.seen[i]?.push(...entries);
    expect(gaps).toEqual([]);
  });
}

/** Lets the readers finish, and checks all received and acknowledged entries. */
async function settle(load: Load, { http }: GatewayProcess): Promise<void> {
  await Promise.all(load.pushers.map((pusher) => pusher.stop()));
  await until("Redis is there", async () => (await request(`${http}/readyz`)).status === 200);
  const answer = await request(`${http}/data/s/entries?format=json&count=1000000`);
  const stored = (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
  const last = stored.at(-1)?.id;
  await until(
    () => `all readers have ${last}: ${load.readers.map(({ entries }) => entries.at(-1)?.id)}`,
    () => load.readers.every(({ entries }) => entries.at(-1)?.id === last),
    20_000,
  );
  await disconnect(load);
  for (const seen of load.seen) expect(seen).toEqual(stored);
  const texts = new Map(stored.map(({ id, text }) => [id, text]));
  for (const { acknowledged } of load.pushers)
    for (const [id, number] of acknowledged) expect(texts.get(id)).toBe(String(number));
}

test.each([
  ["the gateway", { isGateway: true, isRedis: false }],
  ["both, Redis first,", { isGateway: true, isRedis: true }],
])(
  "loses nothing when %s is killed repeatedly: a managed Redis",
  async (_who, { isRedis }) => {
    const load = startLoad();
    for (let death = 0; death < 2; death++) {
      await using gateway = await startGatewayProcess({ folder, env: ALL });
      await connect(load, gateway);
      if (isRedis) process.kill(Number(readFileSync(join(folder, "data/redis.pid"), "utf8")), "SIGKILL");
      gateway.signal("SIGKILL");
      expect(await gateway.ended).toBe("SIGKILL");
      await disconnect(load);
    }
    await using gateway = await startGatewayProcess({ folder, env: ALL });
    await connect(load, gateway);
    await settle(load, gateway);
    gateway.signal("SIGTERM");
    expect(await gateway.ended).toBe(0);
  },
  60_000,
);

test("loses nothing when both are killed repeatedly: an external Redis", async () => {
  await using redis = await startRedis(...DURABLE);
  const load = startLoad();
  for (let death = 0; death < 2; death++) {
    await using gateway = await startGatewayProcess({ env: { ...ALL, REDIS_URL: redis.url } });
    await connect(load, gateway);
    const dying = redis.kill();
    gateway.signal("SIGKILL");
    expect(await gateway.ended).toBe("SIGKILL");
    await dying;
    await disconnect(load);
    await redis.start();
  }
  await using gateway = await startGatewayProcess({ env: { ...ALL, REDIS_URL: redis.url } });
  await connect(load, gateway);
  await settle(load, gateway);
});

test("loses nothing when Redis repeatedly hangs for longer than the timeout", async () => {
  const redis: TestRedis = await startRedis();
  try {
    await using gateway = await startGatewayProcess({
      env: { ...ALL, REDIS_URL: redis.url, REDIS_SILENCE_MS: "500", REDIS_WAIT_MS: "200" },
    });
    const load = startLoad();
    await connect(load, gateway);
    for (let freeze = 0; freeze < 2; freeze++) {
      const failedBefore = load.pushers.map(({ failed }) => failed.size);
      redis.freeze();
      for (const code of ["APPEND_UNKNOWN", "REDIS_UNAVAILABLE"]) {
        await until(
          `every pusher receives ${code}`,
          () =>
            load.pushers.every(({ failed }, i) =>
              [...failed.values()].slice(failedBefore[i] ?? 0).includes(code),
            ),
          20_000,
        );
      }
      expect((await request(`${gateway.http}/healthz`)).status).toBe(200);
      const before = load.pushers.map(({ acknowledged }) => acknowledged.size);
      redis.thaw();
      await until(
        "the pushers go on",
        () => load.pushers.every(({ acknowledged }, i) => acknowledged.size > (before[i] ?? 0) + 50),
        20_000,
      );
    }
    await settle(load, gateway);
    for (const { failed } of load.pushers)
      for (const code of failed.values()) expect(["APPEND_UNKNOWN", "REDIS_UNAVAILABLE"]).toContain(code);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  } finally {
    redis.thaw();
    await redis[Symbol.asyncDispose]();
  }
});
