/**
 * Redis outages under load. The gateway process keeps running, readers resume without a gap or a repeat, acknowledged
 * entries are stored, and pushes wait for a bounded time.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { type Pusher, type Reader, startPusher, startReader, type Way } from "../../support/gateway/load.ts";
import { DURABLE, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];
const ALL = { REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" };

/** A reader with its way to read and its first cursor. */
type NamedReader = Reader & { readonly name: string };

/** Entries of one stream under load. */
interface Load {
  readonly stream: string;
  readonly pushers: readonly Pusher[];
  readonly readers: readonly NamedReader[];
}

/** Two pushers, and for each way to read two readers: one from the beginning and one from now. */
async function startLoad({ ws }: GatewayProcess, stream: string): Promise<Load> {
  const named = async (way: Way, from: string): Promise<NamedReader> => ({
    ...(await startReader(ws, stream, way, from)),
    name: `${way} from ${from}`,
  });
  const readers = await Promise.all(WAYS.flatMap((way) => [named(way, "0"), named(way, "$")]));
  const pushers = await Promise.all([startPusher(ws, stream), startPusher(ws, stream)]);
  return { stream, pushers, readers };
}

const acknowledged = (loads: readonly Load[]) =>
  loads.flatMap(({ pushers }) => pushers.map((pusher) => pusher.acknowledged.size));

/** Waits until a number of further entries of every pusher are acknowledged. */
async function progress(loads: readonly Load[], more: number): Promise<void> {
  const before = acknowledged(loads);
  await until(
    () => `${more} more entries of each pusher are acknowledged: ${before} became ${acknowledged(loads)}`,
    () => acknowledged(loads).every((now, i) => now >= (before[i] ?? 0) + more),
    20_000,
  );
}

/** Ends a load and checks its entries. */
async function settle({ http, logged }: GatewayProcess, { stream, pushers, readers }: Load): Promise<void> {
  await Promise.all(pushers.map((pusher) => pusher.stop()));
  const url = `${http}/data/${stream}/entries?format=json&count=1000000`;
  let answer = await request(url);
  // Each connection reconnects by itself, at a different moment.
  await until("the entries can be read", async () => {
    answer = await request(url);
    return answer.status === 200;
  });
  const stored = (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
  const texts = new Map(stored.map(({ id, text }) => [id, text]));
  for (const pusher of pushers)
    for (const [id, number] of pusher.acknowledged) expect(texts.get(id)).toBe(String(number));
  const last = stored.at(-1)?.id;
  await until(
    () => `all readers have ${last}: ${readers.map(({ entries }) => entries.at(-1)?.id)}`,
    () => readers.every(({ entries }) => entries.at(-1)?.id === last),
  );
  const acknowledged = new Set(pushers.flatMap((pusher) => [...pusher.acknowledged.keys()]));
  for (const { name, entries, gaps } of readers) {
    // The pushers started after all readers, so "from now" is all entries, except those that others pushed.
    const from = stored.findIndex(({ id }) => id === entries[0]?.id);
    expect(from).toBeGreaterThanOrEqual(0);
    expect(from).toBeLessThan(stored.length / 2);
    const received = new Set(entries.map(({ id }) => id));
    const missing = stored
      .slice(from)
      .filter(({ id }) => !received.has(id))
      .map(({ id }) => `${id}, ${acknowledged.has(id) ? "acknowledged" : "not acknowledged"}`);
    expect({ name, missing, gaps }, logged.join("; ")).toEqual({ name, missing: [], gaps: [] });
    expect(entries).toEqual(stored.slice(from));
  }
  await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
}

describe("a managed Redis", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "outage-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const redisPid = () => Number(readFileSync(join(folder, "data/redis.pid"), "utf8"));

  test("is restarted each time it is killed, and no reader misses an entry", async () => {
    await using gateway = await startGatewayProcess({ folder, env: ALL });
    const loads = await Promise.all([startLoad(gateway, "a"), startLoad(gateway, "b")]);
    for (let death = 0; death < 3; death++) {
      await progress(loads, 100);
      process.kill(redisPid(), "SIGKILL");
      await progress(loads, 100);
    }
    // Only entries in flight to the killed server fail. On a busy machine, a pusher may have none in flight.
    const codes = loads.flatMap(({ pushers }) => pushers.flatMap(({ failed }) => [...failed.values()]));
    expect(new Set(codes)).toEqual(new Set(["APPEND_UNKNOWN"]));
    for (const load of loads) await settle(gateway, load);
    expect(await gateway.metric("redis_reconnects_total")).toBeGreaterThanOrEqual(3);
    expect(await gateway.metric("appends_in_flight")).toBe(0);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
    gateway.signal("SIGTERM");
    expect(await gateway.ended).toBe(0);
  });
});

describe("an external Redis", () => {
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis(...DURABLE);
  });
  afterEach(() => redis[Symbol.asyncDispose]());

  test("is waited for after it is killed; pushes wait for a bounded time", async () => {
    await using gateway = await startGatewayProcess({
      env: { ...ALL, REDIS_URL: redis.url, REDIS_WAIT_MS: "300" },
    });
    const loads = await Promise.all([startLoad(gateway, "a"), startLoad(gateway, "b")]);
    for (let death = 0; death < 3; death++) {
      await progress(loads, 100);
      await redis.kill();
      await until("every pusher receives the error", () =>
        loads.every(({ pushers }) =>
          pushers.every(({ failed }) => [...failed.values()].includes("REDIS_UNAVAILABLE")),
        ),
      );
      await redis.start();
      await progress(loads, 100);
    }
    for (const load of loads) await settle(gateway, load);
    expect(await gateway.metric("appends_in_flight")).toBe(0);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  });

  test("is killed under two gateways: each reader receives all entries pushed through either, in one order", async () => {
    const env = { ...ALL, REDIS_URL: redis.url };
    await using one = await startGatewayProcess({ env });
    await using other = await startGatewayProcess({ env });
    const loads = await Promise.all([startLoad(one, "a"), startLoad(other, "a")]);
    for (let death = 0; death < 3; death++) {
      await progress(loads, 200);
      await redis.kill();
      await redis.start();
      await progress(loads, 200);
    }
    await Promise.all(loads.flatMap(({ pushers }) => pushers.map((pusher) => pusher.stop())));
    for (const load of loads) await settle(one, load);
  });

  test("is reported as unavailable on every route, and the gateway itself stays healthy", async () => {
    await using gateway = await startGatewayProcess({
      env: { REDIS_URL: redis.url, REDIS_WAIT_MS: "100" },
    });
    await redis.kill();
    const unavailable = { error: expect.stringContaining("Redis is unavailable"), code: "REDIS_UNAVAILABLE" };
    // A command that is sent before the gateway has noticed fails with another message.
    await until("the gateway has lost its connections", async () =>
      (await request(`${gateway.http}/readyz`)).body.toString().includes("Redis is unavailable"),
    );
    for (const [path, method] of [
      ["/data/a", "POST"],
      ["/data/a?last_entry_id=0", "GET"],
      ["/data/a", "GET"],
      ["/data/a/entries", "GET"],
      ["/data/a/events", "GET"],
      ["/data/a/mjpeg?last_entry_id=$", "GET"],
      ["/readyz", "GET"],
    ] as const) {
      const answer = await request(`${gateway.http}${path}`, {
        method,
        ...(method === "POST" && { body: "x" }),
      });
      expect([path, answer.status, answer.json()]).toEqual([path, 503, expect.objectContaining(unavailable)]);
      expect(answer.headers["retry-after"]).toBe("1");
    }
    expect((await request(`${gateway.http}/healthz`)).status).toBe(200);
    await using noAck = await connectSocket(`${gateway.ws}/data/a/push?header=0`);
    noAck.send("x");
    expect(await noAck.closed).toEqual({
      code: 1013,
      reason: "REDIS_UNAVAILABLE: Redis is unavailable; try again later",
    });
    await using pull = await connectSocket(`${gateway.ws}/data/a/pull`);
    expect(await pull.closed).toEqual({
      code: 1013,
      reason: "REDIS_UNAVAILABLE: Redis is unavailable; try again later",
    });
    await redis.start();
    await until("the gateway is ready", async () => (await request(`${gateway.http}/readyz`)).status === 200);
    expect((await request(`${gateway.http}/data/a`, { method: "POST", body: "x" })).status).toBe(200);
  });

  test("that hangs delays everything, but nothing is lost and nothing fails", async () => {
    await using gateway = await startGatewayProcess({
      env: { ...ALL, REDIS_URL: redis.url, PUSH_IN_FLIGHT_BYTES: "64k" },
    });
    const load = await startLoad(gateway, "a");
    await progress([load], 100);
    redis.freeze();
    // More than the limit in flight: the gateway stops reading the socket and holds only up to the limit.
    await using large = await connectSocket(`${gateway.ws}/data/large/push?header=0&ack=1`);
    const entries = 400;
    for (let i = 0; i < entries; i++) large.send(Buffer.alloc(16_384, i));
    await until("the pusher is held up", async () => (await gateway.metric("push_pauses_total")) >= 1);
    const ready = await request(`${gateway.http}/readyz`);
    expect([ready.status, ready.json()]).toMatchObject([
      503,
      { status: "not ready", error: "Redis does not reply", code: "REDIS_UNAVAILABLE" },
    ]);
    expect((await request(`${gateway.http}/healthz`)).status).toBe(200);
    // 64 KB per socket, and the bytes that had been read when it was paused.
    expect(await gateway.metric("append_bytes_in_flight")).toBeLessThan(64 * 1024 + 256 * 1024);
    redis.thaw();
    for (let i = 0; i < entries; i++) expect(JSON.parse(await large.text())).toEqual([expect.any(String)]);
    await progress([load], 100);
    for (const { failed } of load.pushers) expect(failed.size).toBe(0);
    await settle(gateway, load);
    expect(await gateway.metric("redis_reconnects_total")).toBe(0);
  });
});
