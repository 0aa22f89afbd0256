/**
 * The wall clock is set back and forth under load: ids keep ascending, readers miss and repeat nothing, and no wait
 * becomes longer. The gateway's clock is really set. For Redis, a clock that was set back is one behind the last id of a
 * stream, which the test produces directly.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { startPusher, startReader, type Way } from "../../support/gateway/load.ts";
import { createWallClock, type WallClock } from "../../support/programs/wall-clock.ts";
import { startRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const WAYS: readonly Way[] = ["json", "header", "acked", "max-fps", "events"];
const HOUR = 3600;

let folder: string;
let clock: WallClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "clock-"));
  clock = createWallClock(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("keeps order and delivery when the clock is set back and forth under load", async () => {
  await using redis = await startRedis();
  await using gateway = await startGatewayProcess({
    env: { ...clock.env, REDIS_URL: redis.url, REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" },
  });
  const readers = await Promise.all(WAYS.map((way) => startReader(gateway.ws, "s", way)));
  const pushers = await Promise.all([1, 2].map(() => startPusher(gateway.ws, "s", 20, 1)));
  const post = async (path: string) => {
    const answer = await request(`${gateway.http}${path}`, { method: "POST", body: "x" });
    return String((answer.json() as string[])[0]);
  };
  const start = Date.now();
  const foreign = new Set<string>();
  for (const [i, set] of [0, -HOUR, HOUR, -HOUR].entries()) {
    clock.set(set);
    // Entries added when Redis' clock was one hour ahead, and the second time a little more.
    const ahead = set === 0 ? [] : [`${start + HOUR * 1000 + i}-5`];
    for (const id of ahead) {
      await redis.control.call("XADD", "default:s", id, "d", id);
      foreign.add(id);
    }
    const before = pushers.map(({ acknowledged }) => acknowledged.size);
    await until("the pushers go on", () =>
      pushers.every(({ acknowledged }, at) => acknowledged.size > (before[at] ?? 0) + 50),
    );
    // A retry returns the same id.
    const mark = `/data/deduped?dedupe=k&dedupe_from=${i}`;
    expect(await post(mark)).toBe(await post(mark));
    // `now` starts at the next entry, and `newest` is the last one added, independent of the clock.
    await using now = await startReader(gateway.ws, "quiet", "json", "$");
    await using pull = await connectSocket(`${gateway.ws}/data/quiet/pull?format=json&last_entry_id=$`);
    await pull.taken();
    await until("it reads", async () => (await gateway.metric("readers")) >= WAYS.length + 2);
    const id = await post("/data/quiet");
    await until("the entry arrives", () => now.entries.length > 0);
    expect(now.entries.map((entry) => entry.id)).toEqual([id]);
    const newest = await request(`${gateway.http}/data/quiet?latest=1&last_entry_id=0&block=0`);
    expect(newest.headers["x-last-entry-id"]).toBe(id);
  }
  await Promise.all(pushers.map((pusher) => pusher.stop()));
  const answer = await request(`${gateway.http}/data/s/entries?format=json&count=1000000`);
  const stored = (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
  const last = stored.at(-1)?.id;
  // Redis' clock has been behind since then.
  expect(last).toMatch(new RegExp(`^${start + HOUR * 1000 + 3}-\\d\\d+$`));
  expect(stored.filter(({ id }) => foreign.has(id))).toHaveLength(3);
  await until("all readers have it", () => readers.every(({ entries }) => entries.at(-1)?.id === last));
  for (const { entries, gaps } of readers) expect([entries, gaps]).toEqual([stored, []]);
  const texts = new Map(stored.map(({ id, text }) => [id, text]));
  for (const { acknowledged, failed } of pushers) {
    expect(failed.size).toBe(0);
    for (const [id, number] of acknowledged) expect(texts.get(id)).toBe(String(number));
  }
  await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
  expect(await gateway.metric("internal_errors_total")).toBe(0);
});

test("does not extend the wait of a push for Redis", async () => {
  await using redis = await startRedis();
  await using gateway = await startGatewayProcess({
    env: { ...clock.env, REDIS_URL: redis.url, REDIS_WAIT_MS: "1500" },
  });
  await redis.kill();
  await until("Redis is unavailable", async () => (await request(`${gateway.http}/readyz`)).status === 503);
  await using socket = await connectSocket(`${gateway.ws}/data/s/push?header=0&ack=1`);
  socket.send("x");
  await socket.taken();
  clock.set(-HOUR);
  expect(JSON.parse(await socket.text())).toEqual([
    { code: "REDIS_UNAVAILABLE", error: "Redis is unavailable; try again later" },
  ]);
});
