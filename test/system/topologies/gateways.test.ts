/**
 * Several gateways on one Redis behind a plain round-robin proxy. One of them is killed under load, repeatedly: clients that
 * reconnect resume on another gateway, without a gap or a repeat.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Recording, startPusher, startReader } from "../../../bench/check/clients/recorder.ts";
import type { PlannedPusher, PushForm } from "../../../bench/check/plan.ts";
import { createRandom } from "../../../bench/check/random.ts";
import { keyOf } from "../../../bench/check/verdict/history.ts";
import { judge } from "../../../bench/check/verdict/verdict.ts";
import { KINDS } from "../../../bench/soak/follow.ts";
import { request } from "../../support/clients/http.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { startRoundRobin } from "../../support/network/round-robin.ts";
import { DURABLE, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
const gateways: GatewayProcess[] = [];
/** Clients that reconnect forever, unless they are closed. */
const clients: { close(): void }[] = [];
beforeAll(async () => {
  redis = await startRedis(...DURABLE);
});
afterAll(async () => {
  for (const one of clients) one.close();
  await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
  await redis[Symbol.asyncDispose]();
});

const portOf = ({ http }: GatewayProcess) => Number(new URL(http).port);
const pusher = (form: PushForm, repeats: boolean): PlannedPusher => ({
  stream: "s",
  form,
  gateway: 0,
  batch: form === "raw" ? 1 : 5,
  everyMs: 20,
  entryBytes: 100,
  repeats,
});

test("loses nothing when a gateway is killed under load", async () => {
  const start = () =>
    startGatewayProcess({
      env: { REDIS_URL: redis.url, REDIS_STREAM_MAXLEN: "0", MAX_BATCH_ENTRIES: "1000000" },
    });
  gateways.push(...(await Promise.all([start(), start(), start()])));
  await using proxy = await startRoundRobin(() => gateways.map(portOf));
  const recording: Recording = {
    random: createRandom(1),
    port: () => proxy.port,
    acknowledged: new Map(),
    now: () => 0,
  };
  const readers = KINDS.flatMap((kind, i) =>
    (kind === "raw" ? (["0"] as const) : (["0", "$"] as const)).map((from) =>
      startReader({ stream: "s", kind, gateway: 0, from }, recording, i),
    ),
  );
  const pushers = (["raw", "header", "json"] as const).flatMap((form) =>
    [false, true].map((repeats) => startPusher(`${form}-${repeats}`, pusher(form, repeats), recording)),
  );
  clients.push(...readers, ...pushers);
  const acknowledged = () =>
    pushers.map(({ pushes }) => pushes.filter(({ outcome }) => outcome && "id" in outcome).length);
  async function progress(): Promise<void> {
    const before = acknowledged();
    await until("every pusher continues", () =>
      acknowledged().every((now, i) => now > (before[i] ?? 0) + 20),
    );
  }

  for (let death = 0; death < 3; death++) {
    await progress();
    const [dying] = gateways;
    dying?.signal("SIGKILL");
    expect(await dying?.ended).toBe("SIGKILL");
    // The others continue alone, then a new gateway starts.
    await progress();
    gateways.splice(0, 1);
    gateways.push(await start());
  }
  await progress();
  for (const one of pushers) one.stop();
  for (const one of readers) one.settle();
  await until("all is answered", () => pushers.every(({ open }) => open === 0));

  const answer = await request(`http://127.0.0.1:${proxy.port}/data/s/entries?format=json&count=1000000`);
  const committed = (answer.json() as [string, string, string][]).map(([, id, payload]) => ({
    id,
    key: keyOf(payload),
  }));
  const last = committed.at(-1)?.key;
  await until(
    () =>
      `all readers come to ${last}: ${readers.flatMap((one) => (one.last?.key === last ? [] : one.history.name))}`,
    () => readers.every((one) => one.last?.key === last),
  );
  const problems = judge({
    pushes: pushers.flatMap(({ pushes }) => pushes),
    readers: readers.map(({ history }) => history),
    streams: [{ stream: "s", committed, left: committed.map(({ id }) => id) }],
    deaths: [],
  });
  expect(problems).toEqual([]);
  // Clients did move: new gateways had clients, too, and most clients had several connections.
  expect(proxy.taken.size).toBeGreaterThan(3);
  expect(readers.filter(({ history }) => history.sessions.length > 1).length).toBeGreaterThan(
    readers.length / 2,
  );
  // Every entry of a pusher that retries has been answered.
  for (const { pushes } of pushers.filter((_, i) => i % 2 === 1))
    expect(pushes.filter(({ outcome }) => outcome === undefined)).toEqual([]);
});
