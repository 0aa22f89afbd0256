/**
 * Redis is out of memory or disk space: pushers receive errors, acknowledged entries stay, readers continue, and pushers
 * succeed again when there is space.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { type Pusher, type Reader, startPusher, startReader, type Way } from "../../support/gateway/load.ts";
import { killConnections, limitFiles, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];
const ALL = { REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" };

interface Load {
  readonly pusher: Pusher;
  readonly readers: readonly Reader[];
}

async function startLoad({ ws }: GatewayProcess): Promise<Load> {
  const readers = await Promise.all(WAYS.map((way) => startReader(ws, "s", way)));
  return { pusher: await startPusher(ws, "s", 20, 1), readers };
}

async function progress({ pusher }: Load, { logged }: GatewayProcess): Promise<void> {
  const before = pusher.acknowledged.size;
  await until(
    () => `the pusher continues after ${before}: ${logged.slice(-20).join("; ")}`,
    () => pusher.acknowledged.size >= before + 50,
    20_000,
  );
}

/** Waits until the pusher has received errors for entries that are not, or may not be, stored. */
async function receives({ pusher }: Load, code: string): Promise<void> {
  const before = pusher.failed.size;
  await until(
    `the pusher receives ${code}`,
    () => [...pusher.failed.values()].slice(before).includes(code),
    20_000,
  );
}

/** Returns the stored entries as the gateway shows them. */
async function storedIn({ http }: GatewayProcess, stream: string) {
  const url = `${http}/data/${stream}/entries?format=json&count=1000000`;
  let answer = await request(url);
  // A server that was started on the full disk may end once more after it was ready.
  await until("the stream can be read", async () => {
    if (answer.status === 503) answer = await request(url);
    return answer.status !== 503;
  });
  return (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
}

/** Ends a load. @param codes of the entries that are not, or may not be, stored */
async function settle(
  gateway: GatewayProcess,
  { pusher, readers }: Load,
  codes: readonly string[],
): Promise<void> {
  await pusher.stop();
  await until("Redis is there", async () => (await request(`${gateway.http}/readyz`)).status === 200);
  const stored = await storedIn(gateway, "s");
  const texts = new Map(stored.map(({ id, text }) => [id, text]));
  const numbers = new Set(stored.map(({ text }) => Number(text)));
  for (const [id, number] of pusher.acknowledged) expect(texts.get(id)).toBe(String(number));
  for (const [number, code] of pusher.failed) {
    expect(codes).toContain(code);
    if (code !== "APPEND_UNKNOWN") expect(numbers.has(number)).toBe(false);
  }
  await until(
    () => `all readers have ${stored.at(-1)?.id}: ${readers.map(({ entries }) => entries.at(-1)?.id)}`,
    () => readers.every(({ entries }) => entries.at(-1)?.id === stored.at(-1)?.id),
    20_000,
  );
  for (const { entries, gaps } of readers) expect([entries, gaps]).toEqual([stored, []]);
  await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
  expect(await gateway.metric("internal_errors_total")).toBe(0);
}

/** Tries every write route, and checks that all read routes work. */
async function expectFull(gateway: GatewayProcess): Promise<void> {
  const full = { code: "REDIS_FULL", error: expect.stringMatching(/^Redis cannot store more: /) };
  const post = await request(`${gateway.http}/data/s`, { method: "POST", body: "x" });
  expect([post.status, post.json(), post.headers["retry-after"]]).toEqual([503, full, "1"]);
  const graphql = await request(`${gateway.http}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query: `mutation { append(streamId: "s", entries: [{string: "x"}]) { id error code } }`,
    }),
  });
  expect(graphql.json()).toEqual({ data: { append: [{ id: null, ...full }] } });
  await using acked = await connectSocket(`${gateway.ws}/data/s/push?header=0&ack=1`);
  acked.send("x");
  expect(JSON.parse(await acked.text())).toEqual([full]);
  await using deduped = await connectSocket(`${gateway.ws}/data/s/push?header=0&ack=1&dedupe=k`);
  deduped.send("x");
  expect(JSON.parse(await deduped.text())).toEqual([full]);
  await using unacked = await connectSocket(`${gateway.ws}/data/s/push?header=0`);
  unacked.send("x");
  const { code, reason } = await unacked.closed;
  expect([code, reason.split(":")[0]]).toEqual([1013, "REDIS_FULL"]);

  const stored = await storedIn(gateway, "s");
  for (const way of WAYS) {
    await using reader = await startReader(gateway.ws, "s", way);
    await until(`${way} reads all`, () => reader.entries.length >= stored.length);
    expect(reader.entries.slice(0, stored.length)).toEqual(stored);
  }
  expect((await request(`${gateway.http}/readyz`)).status).toBe(200);
}

const pidOf = async ({ control }: TestRedis) =>
  Number(/^process_id:(\d+)/m.exec(String(await control.call("INFO", "server")))?.[1]);

/** Returns the size of the largest file below a folder. */
const largestIn = (dir: string): number =>
  Math.max(
    ...readdirSync(dir, { recursive: true, encoding: "utf8" }).map((name) => {
      const file = statSync(join(dir, name));
      return file.isFile() ? file.size : 0;
    }),
  );

test("recovers after maxmemory was reached", async () => {
  await using redis = await startRedis("--maxmemory-policy", "noeviction");
  await using gateway = await startGatewayProcess({ env: { ...ALL, REDIS_URL: redis.url } });
  const load = await startLoad(gateway);
  await redis.control.call("SETRANGE", "ballast", 4 * 1024 * 1024, "x");
  await progress(load, gateway);
  const used = Number(/^used_memory:(\d+)/m.exec(String(await redis.control.call("INFO", "memory")))?.[1]);
  await redis.control.call("CONFIG", "SET", "maxmemory", used - 2 * 1024 * 1024);
  await receives(load, "REDIS_FULL");
  await expectFull(gateway);
  await redis.control.call("DEL", "ballast");
  await progress(load, gateway);
  await settle(gateway, load, ["REDIS_FULL"]);
});

test("recovers after the disk of a Redis that syncs every second was full", async () => {
  await using redis = await startRedis("--appendonly", "yes", "--appendfsync", "everysec");
  await using gateway = await startGatewayProcess({ env: { ...ALL, REDIS_URL: redis.url } });
  const load = await startLoad(gateway);
  await progress(load, gateway);
  const pid = await pidOf(redis);
  const dir = String(((await redis.control.call("CONFIG", "GET", "dir")) as unknown[])[1]);
  limitFiles(pid, largestIn(dir));
  await receives(load, "REDIS_FULL");
  // Clients can reconnect and read.
  for (const name of ["reads", "tail", "appends"]) expect(await killConnections(redis, name)).toBe(1);
  await receives(load, "REDIS_FULL");
  await until("Redis is there", async () => (await request(`${gateway.http}/readyz`)).status === 200);
  await expectFull(gateway);
  limitFiles(pid, "unlimited");
  await progress(load, gateway);
  // With `everysec`, Redis delays a write by up to 2 s while it syncs, and would lose acknowledged entries when it is killed then.
  await redis.control.call("CONFIG", "SET", "appendfsync", "always");
  await progress(load, gateway);
  // All acknowledged entries are on disk by now, also those from when it was full.
  await redis.kill();
  await redis.start();
  await progress(load, gateway);
  await settle(gateway, load, ["REDIS_FULL", "APPEND_UNKNOWN"]);
});

test("recovers after the disk of a managed Redis, which syncs always and exits, was full", async () => {
  const folder = mkdtempSync(join(tmpdir(), "full-store-"));
  const server = join(folder, "redis-server");
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
  writeFileSync(server, '#!/bin/sh\nPATH=${PATH#*:}\ntrap "" XFSZ\nexec redis-server "$@"\n');
  chmodSync(server, 0o755);
  try {
    await using gateway = await startGatewayProcess({
      folder,
      env: { ...ALL, PATH: `${folder}:${process.env.PATH}`, REDIS_WAIT_MS: "300" },
    });
    const load = await startLoad(gateway);
    await progress(load, gateway);
    // Servers that are started later inherit the gateway's limit.
    const size = largestIn(join(folder, "data"));
    limitFiles(gateway.pid, size);
    limitFiles(Number(readFileSync(join(folder, "data/redis.pid"), "utf8")), size);
    await receives(load, "APPEND_UNKNOWN");
    await until("the log names the reason", () =>
      gateway.logged.some((line) => /AOF.*(File too large|No space)/.test(line)),
    );
    await receives(load, "REDIS_UNAVAILABLE");
    expect((await request(`${gateway.http}/healthz`)).status).toBe(200);
    limitFiles(gateway.pid, "unlimited");
    await until(
      "a server runs that may write",
      () => {
        try {
          limitFiles(Number(readFileSync(join(folder, "data/redis.pid"), "utf8")), "unlimited");
          return true;
        } catch {
          return false;
        }
      },
      20_000,
    );
    await progress(load, gateway);
    await settle(gateway, load, ["APPEND_UNKNOWN", "REDIS_UNAVAILABLE"]);
    gateway.signal("SIGTERM");
    expect(await gateway.ended).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
