/**
 * Several workers as one gateway: clients do not notice which worker they are connected to, killing a worker loses
 * nothing, and operators see one gateway.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import * as recorder from "../../../bench/check/clients/recorder.ts";
import { createRandom } from "../../../bench/check/random.ts";
import { keyOf } from "../../../bench/check/verdict/history.ts";
import { judge } from "../../../bench/check/verdict/verdict.ts";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { KINDS } from "../../../bench/soak/follow.ts";
import { openAnswer, request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { readEvents } from "../../support/clients/sse.ts";
import {
  beginGatewayProcess,
  type GatewayProcess,
  startGatewayProcess,
} from "../../support/gateway/gateway-process.ts";
import { type Pusher, type Reader, startPusher, startReader } from "../../support/gateway/load.ts";
import { isAlive, processesBelow } from "../../support/programs/processes.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until as untilWithin } from "../../support/until.ts";

/** Three processes start at a time, on a busy machine. */
const WITHIN_MS = 60_000;
vi.setConfig({ testTimeout: 240_000 });
const until = (what: string, condition: () => boolean | Promise<boolean>) =>
  untilWithin(what, condition, WITHIN_MS);

let redis: TestRedis;
/** Clients that reconnect forever, unless they are closed. */
const clients: { close(): void }[] = [];
beforeAll(async () => {
  redis = await startRedis("--appendonly", "yes");
});
afterEach(() => {
  for (const one of clients.splice(0)) one.close();
});
afterAll(() => redis[Symbol.asyncDispose]());

const start = (env: Record<string, string> = {}) =>
  startGatewayProcess({
    env: {
      WORKERS: "2",
      REDIS_URL: redis.url,
      REDIS_STREAM_MAXLEN: "0",
      MAX_BATCH_ENTRIES: "1000000",
      ...env,
    },
  });

const STORED = 'entries_in_total\\{class="default"\\}';

interface Shown {
  readonly id: string;
  readonly kind: string;
}
const connectionsOf = async ({ http }: GatewayProcess) =>
  (await request(`${http}/admin/connections`)).json() as Shown[];
/** Returns the part of a connection id that identifies the worker. */
const workerOf = ({ id }: Shown) => id.split("-")[0] ?? "";
const tallied = (names: readonly string[]) =>
  [...new Set(names)].map((name) => names.filter((one) => one === name).length);

test("distributes clients evenly, and serves all of them like a single process", async () => {
  await using gateway = await start();
  const ways = ["json", "header", "acked", "events"] as const;
  const readers: Reader[] = [];
  const pushers: Pusher[] = [];
  for (const way of [...ways, ...ways]) readers.push(await startReader(gateway.ws, "s", way));
  for (let i = 0; i < 4; i++) pushers.push(await startPusher(gateway.ws, "s"));
  const connections = await connectionsOf(gateway);
  expect(connections).toHaveLength(12);
  // A worker that has not accepted its previous connection yet is skipped.
  const shares = tallied(connections.map(workerOf));
  expect(shares).toHaveLength(2);
  expect(Math.min(...shares)).toBeGreaterThan(3);

  await until("all push", () => pushers.every(({ acknowledged }) => acknowledged.size > 200));
  await Promise.all(pushers.map((pusher) => pusher.stop()));
  const answer = await request(`${gateway.http}/data/s/entries?format=json&count=1000000`);
  const stored = (answer.json() as [string, string, string][]).map(([, id]) => id);
  expect(stored.length).toBe(pushers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0));
  for (const { acknowledged } of pushers)
    expect(stored).toEqual(expect.arrayContaining([...acknowledged.keys()]));
  await until("all have all", () => readers.every(({ entries }) => entries.at(-1)?.id === stored.at(-1)));
  for (const { entries } of readers) expect(entries.map(({ id }) => id)).toEqual(stored);

  // Every worker returns the metrics of the whole gateway.
  for (let i = 0; i < 2; i++) {
    expect(await gateway.metric(STORED)).toBe(stored.length);
    expect(await gateway.metric('connections\\{kind="pull"\\}')).toBe(6);
    expect(await gateway.metric("workers")).toBe(2);
  }
  // Requests reach the workers round robin; each closes connections of its own and of the other worker.
  const left = (await connectionsOf(gateway)).map(({ id }) => id);
  for (const id of left) {
    const url = `${gateway.http}/admin/connections/${id}`;
    expect((await request(url, { method: "DELETE" })).status).toBe(204);
    await until("it is gone", async () => !(await connectionsOf(gateway)).some((one) => one.id === id));
    expect((await request(url, { method: "DELETE" })).status).toBe(404);
  }
  await Promise.all(readers.map(({ closed }) => closed));
});

test("routes GraphQL operations of one connection to the worker that has its stream", async () => {
  await using gateway = await start();
  const url = `${gateway.http}/graphql`;
  const operate = (token: string, operationId: string, query: string) =>
    request(url, {
      method: "POST",
      headers: { "content-type": "application/json", "x-graphql-event-stream-token": token },
      body: JSON.stringify({ query, extensions: { operationId } }),
    });
  // Each request may reach either worker.
  for (let round = 0; round < 3; round++) {
    const { text: token } = await request(url, { method: "PUT" });
    if (round === 1) await request(`${gateway.http}/healthz`);
    await using answer = await openAnswer(`${url}?token=${token}`, { accept: "text/event-stream" });
    const events = readEvents(answer);
    for (const id of ["1", "2", "3"]) {
      expect((await operate(token, id, "{ __typename }")).status).toBe(202);
      const payload = { data: { __typename: "Query" } };
      const event = await events.next();
      expect([event?.event, JSON.parse(event?.data ?? "")]).toEqual(["next", { id, payload }]);
      expect(await events.next()).toMatchObject({ event: "complete", data: `{"id":"${id}"}` });
    }
    for (let i = 0; i < 2; i++) {
      expect((await operate(token, "4", "{ nonsense }")).json()).toMatchObject({
        errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }],
      });
      expect((await operate("unknown", "4", "{ __typename }")).status).toBe(404);
      const headers = { accept: "text/event-stream" };
      expect((await request(`${url}?token=${token}`, { headers })).json()).toMatchObject({
        error: expect.stringContaining("already open"),
      });
    }
    const follow = "subscription { devices { deviceId } }";
    expect((await operate(token, "5", follow)).status).toBe(202);
    expect((await operate(token, "5", follow)).json()).toMatchObject({ code: "BAD_PARAMETER" });
    expect((await operate(token, "5", follow)).json()).toMatchObject({ code: "BAD_PARAMETER" });
    const stop = await request(`${url}?token=${token}&operationId=5`, { method: "DELETE" });
    expect(stop.status).toBe(200);
    expect((await operate(token, "5", follow)).status).toBe(202);
  }
});

test("applies limits to the whole gateway", async () => {
  await using gateway = await start({ MAX_SOCKETS_PER_ADDRESS: "3" });
  const outcome = () =>
    connectSocket(`${gateway.ws}/data/s/pull`).then(
      (socket) => socket,
      (error: Error) => error.message,
    );
  const [first] = [await outcome(), await outcome(), await outcome()];
  await until("both know of three", async () => {
    const [one, other] = [await outcome(), await outcome()];
    for (const opened of [one, other]) if (typeof opened !== "string") await opened[Symbol.asyncDispose]();
    return (
      typeof one === "string" && typeof other === "string" && one.includes("429") && other.includes("429")
    );
  });
  if (typeof first === "string") throw new Error(first);
  await first[Symbol.asyncDispose]();
  await until("there is room again", async () => {
    const opened = await outcome();
    if (typeof opened === "string") return false;
    await opened[Symbol.asyncDispose]();
    return true;
  });
});

test("closes connections over the limit of all workers", async () => {
  await using gateway = await start({ MAX_SOCKETS: "10" });
  const isCut = () =>
    request(`${gateway.http}/healthz`).then(
      () => false,
      () => true,
    );
  const open = await Promise.all(
    Array.from({ length: 10 }, () => connectSocket(`${gateway.ws}/data/s/pull`)),
  );
  await until("the next ones are cut by both", async () => (await isCut()) && (await isCut()));
  for (const socket of open.slice(0, 5)) await socket[Symbol.asyncDispose]();
  await until("there is room again", async () => !(await isCut()) && !(await isCut()));
  // One worker may have answered both, while the other one has not received the changed count yet and cuts this request.
  const hits = () => gateway.metric('limits_hit_total\\{limit="sockets"\\}').catch(() => 0);
  await until("the metric counts the hits", async () => (await hits()) > 1);
  for (const socket of open) await socket[Symbol.asyncDispose]();
});

test("loses nothing when a worker is killed under load", async () => {
  await using gateway = await start();
  const port = Number(new URL(gateway.http).port);
  const recording: recorder.Recording = {
    random: createRandom(1),
    port: () => port,
    acknowledged: new Map(),
    now: () => 0,
  };
  // Of its own in a second try, too.
  const stream = `killed-${randomUUID()}`;
  const readers = KINDS.flatMap((kind, i) =>
    (kind === "raw" ? (["0"] as const) : (["0", "$"] as const)).map((from) =>
      recorder.startReader({ stream, kind, gateway: 0, from }, recording, i),
    ),
  );
  const pushers = (["raw", "header", "json"] as const).flatMap((form) =>
    [false, true].map((repeats) =>
      recorder.startPusher(
        `${stream}-${form}-${repeats}`,
        { stream, form, gateway: 0, batch: form === "raw" ? 1 : 5, everyMs: 20, entryBytes: 100, repeats },
        recording,
      ),
    ),
  );
  clients.push(...readers, ...pushers);
  const acknowledged = () =>
    pushers.map(({ pushes }) => pushes.filter(({ outcome }) => outcome && "id" in outcome).length);
  let counted = 0;
  /** All clients continue, and counters do not decrease. */
  async function progress(): Promise<void> {
    const before = acknowledged();
    await until("every pusher continues", () =>
      acknowledged().every((now, i) => now > (before[i] ?? 0) + 20),
    );
    const now = await gateway.metric(STORED);
    expect(now).toBeGreaterThan(counted);
    counted = now;
  }

  for (let death = 0; death < 2; death++) {
    await progress();
    const [first = 0, second = 0] = processesBelow(gateway.pid);
    process.kill(death === 0 ? first : second, "SIGKILL");
    await progress();
    await until("another one is there", () => processesBelow(gateway.pid).length === 2);
    await until("it is up", async () => (await gateway.metric("workers")) === 2);
    expect(await gateway.metric("worker_deaths_total")).toBe(death + 1);
  }
  await progress();
  for (const one of pushers) one.stop();
  for (const one of readers) one.settle();
  await until("all is answered", () => pushers.every(({ open }) => open === 0));

  const answer = await request(`${gateway.http}/data/${stream}/entries?format=json&count=1000000`);
  const committed = (answer.json() as [string, string, string][]).map(([, id, payload]) => ({
    id,
    key: keyOf(payload),
  }));
  const last = committed.at(-1)?.key;
  await until("all readers are at the end", () => readers.every((one) => one.last?.key === last));
  const problems = judge({
    pushes: pushers.flatMap(({ pushes }) => pushes),
    readers: readers.map(({ history }) => history),
    streams: [{ stream, committed, left: committed.map(({ id }) => id) }],
    deaths: [],
  });
  expect(problems).toEqual([]);
  expect(readers.filter(({ history }) => history.sessions.length > 1).length).toBeGreaterThan(0);
});

test("delays only one client when a worker hangs, and still stops", async () => {
  await using gateway = await start({ SHUTDOWN_MS: "1000" });
  const [hung = 0] = processesBelow(gateway.pid);
  process.kill(hung, "SIGSTOP");
  const answers = ["metrics", "metrics", "admin/connections"].map((path) =>
    request(`${gateway.http}/${path}`).then(
      ({ status, text }) => ({ status, text }),
      () => ({ status: 0, text: "" }),
    ),
  );
  let answered = 0;
  for (const answer of answers) void answer.then(() => answered++);
  await until("all but one are answered", () => answered === 2);
  gateway.signal("SIGTERM");
  expect(await gateway.ended).toBe(1);
  expect((await Promise.all(answers)).map(({ status }) => status).sort()).toEqual([0, 200, 200]);
  await until("it is gone", () => !isAlive(hung));
});

test("stops the workers in order when the primary is killed, and frees the port and the data for the next start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "workers-"));
  try {
    const env = { WORKERS: "2", PORT: String(await freePort()), REDIS_STREAM_MAXLEN: "0" };
    const acknowledged = new Map<string, number>();
    {
      await using gateway = await startGatewayProcess({ folder, env });
      const workers = processesBelow(gateway.pid);
      expect(workers).toHaveLength(2);
      const pushers = await Promise.all([1, 2].map(() => startPusher(gateway.ws, "s")));
      await until("both push", () => pushers.every((pusher) => pusher.acknowledged.size > 100));
      gateway.signal("SIGKILL");
      expect(await gateway.ended).toBe("SIGKILL");
      for (const { closed } of pushers)
        expect(await closed).toEqual({ code: 1001, reason: "SHUTTING_DOWN: the gateway is shutting down" });
      await until("no worker is left", () => !workers.some(isAlive));
      for (const pusher of pushers) {
        await pusher.stop();
        for (const [id, number] of pusher.acknowledged) acknowledged.set(id, number);
      }
    }
    await using next = await startGatewayProcess({ folder, env });
    const answer = await request(`${next.http}/data/s/entries?format=json&count=10000`);
    const stored = new Set((answer.json() as [string, string, string][]).map(([, id]) => id));
    expect([...acknowledged.keys()].filter((id) => !stored.has(id))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("reports a port that is in use once, and starts nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "workers-"));
  const taken = createServer().listen(0, "127.0.0.1");
  try {
    await once(taken, "listening");
    const PORT = String((taken.address() as AddressInfo).port);
    for (const WORKERS of ["1", "2"]) {
      await using gateway = beginGatewayProcess({ folder, env: { WORKERS, PORT } });
      expect(await gateway.ended).toBe(1);
      expect(gateway.complaints).toEqual([expect.stringMatching(/^redis-streamer: .* is already in use/)]);
      expect(readdirSync(folder)).toEqual([]);
    }
  } finally {
    taken.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("reports an error that prevents workers from starting once", async () => {
  await using gateway = beginGatewayProcess({
    env: { WORKERS: "2", REDIS_URL: redis.url, AUTH: "1", AUTH_KEYS_FILE: "/proc/version" },
  });
  expect(await gateway.ended).toBe(1);
  expect(gateway.complaints).toEqual([expect.stringContaining("is not a valid keys file")]);
  expect(processesBelow(gateway.pid)).toEqual([]);
});

test("plays one demo device, which can be seen and stopped through every worker", async () => {
  await using gateway = await start();
  const demo = async (method: string) => {
    // A connection of its own, so that the workers take turns.
    const answer = await request(`${gateway.http}/demo`, { method, headers: { connection: "close" } });
    return answer.text === "" ? undefined : answer.json();
  };
  const started = await demo("POST");
  for (let i = 0; i < 4; i++)
    expect(await demo("GET")).toMatchObject({
      device: { started: (started as { started: string }).started },
    });
  for (let i = 0; i < 2; i++) {
    await demo("DELETE");
    for (let j = 0; j < 4; j++) expect(await demo("GET")).toEqual({ enabled: true, device: null });
    await demo("POST");
  }
});
