/**
 * A Redis Cluster of real processes behind one gateway: all client features, then slots that move, masters that are
 * killed and nodes that join, under load. No reader misses, repeats or reorders an entry, and the gateway stays up.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { slotOf } from "../../../src/redis/cluster/hash-slot.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { type Pusher, type Reader, startPusher, startReader, type Way } from "../../support/gateway/load.ts";
import { startCluster, type TestCluster } from "../../support/redis/cluster.ts";
import type { TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

describe("client features", () => {
  let cluster: TestCluster;
  let gateway: TestGateway;
  beforeAll(async () => {
    cluster = await startCluster(3);
    gateway = await startTestGateway(cluster.url, { ENABLE_FLUSH: "1", DEVICE_TIMEOUT: "0.6" });
  });
  afterAll(async () => {
    await gateway.close();
    await cluster[Symbol.asyncDispose]();
  });

  async function graphql(query: string): Promise<unknown> {
    const answer = await request(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
    const { data, errors } = answer.json() as { data: unknown; errors?: unknown };
    expect(errors).toBeUndefined();
    return data;
  }

  test("push and pull of many streams in one request", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `many${i}`);
    expect(new Set(names.map((name) => slotOf(`default:${name}`) % 3)).size).toBeGreaterThan(1);
    const url = `${gateway.ws}/data/${names.join("+")}`;
    await using pull = await connectSocket(`${url}/pull?last_entry_id=0&format=json&count=100`);
    await using push = await connectSocket(`${url}/push?ack=1&format=json`);
    const seen: string[] = [];
    for (const round of ["a", "b"]) {
      push.send(JSON.stringify(names.map((name) => [name, null, `${name} ${round}`])));
      expect(JSON.parse(await push.text())).toEqual(names.map(() => expect.stringMatching(/^\d+-\d+$/)));
    }
    while (seen.length < names.length * 2)
      for (const [, , data] of JSON.parse(await pull.text()) as [string, string, string][]) seen.push(data);
    expect(seen.toSorted()).toEqual(names.flatMap((name) => [`${name} a`, `${name} b`]).toSorted());
  });

  test("HTTP: append, history, newest, and waiting for new entries", async () => {
    for (let i = 0; i < 10; i++)
      expect((await request(`${gateway.http}/data/http`, { method: "POST", body: `${i}` })).status).toBe(200);
    const page = await request(`${gateway.http}/data/http/entries?format=json&count=4`);
    expect((page.json() as unknown[][]).map(([, , data]) => data)).toEqual(["0", "1", "2", "3"]);
    const newest = await request(`${gateway.http}/data/http?latest=1&last_entry_id=0`);
    expect(newest.text).toBe("9");
    const waiting = request(`${gateway.http}/data/http+other?block=20000&format=json`);
    await until("a reader waits", async () =>
      (await request(`${gateway.http}/metrics`)).text.includes("redis_streamer_readers 1"),
    );
    await request(`${gateway.http}/data/other`, { method: "POST", body: "late" });
    expect((await waiting).json()).toEqual([["other", expect.any(String), "late"]]);
  });

  test("own ids, and a rejected entry", async () => {
    await using push = await connectSocket(`${gateway.ws}/data/ids/push?ack=1&format=json`);
    push.send(
      JSON.stringify([
        ["ids", "5-0", "x"],
        ["ids", "4-0", "x"],
        ["ids", "6-0", "x"],
      ]),
    );
    expect(JSON.parse(await push.text())).toEqual([
      "5-0",
      { error: expect.stringContaining("equal or smaller"), code: "ID_NOT_ABOVE_LAST" },
      "6-0",
    ]);
  });

  test.each(["plain", "with{a tag}in it", "a}brace", "{}b{c}"])("dedupe, stream %s", async (stream) => {
    const path = `${gateway.ws}/data/${encodeURIComponent(stream)}/push`;
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      await using push = await connectSocket(`${path}?ack=1&header=0&dedupe=me&dedupe_from=0`);
      push.send("once");
      ids.push(await push.text());
    }
    expect(ids[0]).toMatch(/^\["\d+-\d+"\]$/);
    expect(ids[1]).toBe(ids[0]);
    expect(await cluster.do("XLEN", `default:${stream}`)).toBe(1);
  });

  test("GraphQL: streams, metadata, devices, deletion", async () => {
    for (const stream of ["g1", "g2", "g3", "g4"])
      await request(`${gateway.http}/data/${stream}?device_id=cam`, { method: "POST", body: "x" });
    expect(
      await graphql(`mutation { updateStreamMeta(streamId: "g1", deviceId: "cam", meta: {a: 1}) }`),
    ).toEqual({
      updateStreamMeta: { meta_set: true },
    });
    expect(await graphql(`mutation { connectDevice(deviceId: "cam", meta: {kind: "c"}) }`)).toEqual({
      connectDevice: {
        connection_status_changed: true,
        connected: true,
        is_new_device: true,
        meta_set: true,
        "fired:device.connected": true,
        "fired:device.meta": true,
      },
    });
    expect(
      await graphql(`{ device(id: "cam") { meta streams { streamId length meta } } devices { id } }`),
    ).toEqual({
      device: {
        meta: { kind: "c" },
        streams: ["g1", "g2", "g3", "g4"].map((streamId, i) => ({
          streamId,
          length: 1,
          meta: i === 0 ? { a: 1 } : {},
        })),
      },
      devices: [{ id: "cam" }],
    });
    expect(await graphql(`mutation { deleteStream(streamId: "g1", deviceId: "cam") }`)).toEqual({
      deleteStream: { data_deleted: true, meta_deleted: true, stream_deleted: true },
    });
    expect(await graphql(`mutation { disconnectDevice(deviceId: "cam") }`)).toMatchObject({
      disconnectDevice: { connected: false, connection_status_changed: true },
    });
    expect(await graphql(`{ devices { id } }`)).toEqual({ devices: [] });
  });

  test("presence by sockets, with one event per change", async () => {
    await using other = await startTestGateway(cluster.url, { DEVICE_TIMEOUT: "0.6" });
    const connected = async () =>
      ((await cluster.do("SMEMBERS", ":devices:connected")) as Buffer[]).map(String).includes("rover");
    const path = "/data/imu/push?device_id=rover&presence=1";
    const first = await connectSocket(gateway.ws + path);
    await until("it is connected", connected);
    const second = await connectSocket(other.ws + path);
    await second.taken();
    await until(
      "both have a lease",
      async () => (await cluster.do("ZCARD", ":devices:lease:{:devices:leases}:rover")) === 2,
    );
    first.close();
    await until(
      "one has a lease",
      async () => (await cluster.do("ZCARD", ":devices:lease:{:devices:leases}:rover")) === 1,
    );
    expect(await connected()).toBe(true);
    // Not closed, so that the lease expires and another gateway has to detect it.
    second.raw.pause();
    await until("the device is disconnected", async () => !(await connected()));
    second.raw.terminate();
    const events = (await cluster.do("XRANGE", ":event:device.connected", "-", "+")) as [Buffer, Buffer[]][];
    const recorded = events.map(([, [, data]]) => JSON.parse(String(data)));
    expect(recorded.filter(({ device_id }) => device_id === "rover")).toEqual([
      { device_id: "rover", connected: true, meta: {} },
      { device_id: "rover", connected: false },
    ]);
  });

  test("changes of metadata on any node", async () => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    const send = (message: object) => socket.send(JSON.stringify(message));
    send({ type: "connection_init" });
    await socket.next();
    const query = "subscription { streamMeta { streamId meta } }";
    send({ id: "1", type: "subscribe", payload: { query } });
    const received = new Map<string, unknown>();
    const listening = (async () => {
      for (;;) {
        const { payload } = JSON.parse(await socket.text());
        received.set(payload.data.streamMeta.streamId, payload.data.streamMeta.meta);
      }
    })().catch(() => undefined);
    const streams = Array.from({ length: 12 }, (_, i) => `cam:m${i}`);
    let tries = 0;
    await until("all changes are received", async () => {
      tries++;
      for (const one of streams) await cluster.do("SET", `:stream:meta:${one}`, `{"tries":${tries}}`);
      return streams.every((one) => received.has(one));
    });
    await until("the last change of each is received", () =>
      streams.every((one) => (received.get(one) as { tries: number }).tries === tries),
    );
    socket.close();
    await listening;
  });

  test("flush of all nodes", async () => {
    for (let i = 0; i < 20; i++) await request(`${gateway.http}/data/f${i}`, { method: "POST", body: "x" });
    await graphql("mutation { flush }");
    expect(await graphql("{ streamIds }")).toEqual({ streamIds: [] });
    for (const { control } of cluster.nodes) expect(await control.call("DBSIZE")).toBe(0);
  });
});

test("reports an unavailable cluster, or part of one, in time, and recovers", async () => {
  await using cluster = await startCluster(3);
  await using gateway = await startTestGateway(cluster.url, { REDIS_WAIT_MS: "300" });
  const push = async () => {
    const answer = await request(`${gateway.http}/data/s`, { method: "POST", body: "x" });
    return answer.status === 200 ? "stored" : (answer.json() as { code: string }).code;
  };
  expect(await push()).toBe("stored");
  const owner = await cluster.ownerOf(slotOf("default:s"));
  await owner.kill();
  await until("the loss is reported", async () => (await push()) === "REDIS_UNAVAILABLE");
  expect((await request(`${gateway.http}/data/s/entries`)).status).toBe(503);
  expect((await request(`${gateway.http}/readyz`)).status).toBe(503);
  expect((await request(`${gateway.http}/healthz`)).status).toBe(200);
  await owner.start();
  await until("it is stored again", async () => (await push()) === "stored");
  for (const node of cluster.nodes) await node.kill();
  await until("the loss is reported", async () => (await push()) === "REDIS_UNAVAILABLE");
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await until("it is stored again", async () => (await push()) === "stored");
  await until("it is ready", async () => (await request(`${gateway.http}/readyz`)).status === 200);
});

/** Three streams on different nodes, and one that does not exist until its slot has moved. */
const STREAMS = ["a", "b", "c"];
const WAYS: readonly Way[] = ["json", "header", "acked", "events"];
const keyOf = (stream: string) => `default:${stream}`;

interface Load {
  readonly stream: string;
  readonly pushers: readonly Pusher[];
  readonly numbered: NumberedPusher;
  readonly readers: readonly Reader[];
}

/** A pusher with its own ids, which Redis rejects if a later one arrived first. */
interface NumberedPusher {
  readonly stored: ReadonlySet<string>;
  /** Codes of entries that are not, or may not be, stored. */
  readonly failed: readonly string[];
  stop(): Promise<void>;
}

async function startNumbered(ws: string, stream: string): Promise<NumberedPusher> {
  const socket = await connectSocket(`${ws}/data/${stream}-numbered/push?ack=1&format=json`);
  const stored = new Set<string>();
  const failed: string[] = [];
  let sent = 0;
  let isStopped = false;
  const next = () => socket.send(JSON.stringify([[`${stream}-numbered`, `${++sent}-1`, `${sent}`]]));
  for (let i = 0; i < 50; i++) next();
  const run = async () => {
    for (let answered = 0; answered < sent; answered++) {
      const [outcome] = JSON.parse(await socket.text()) as (string | { code: string })[];
      if (typeof outcome === "string") stored.add(outcome);
      else failed.push(outcome?.code ?? "nothing");
      if (!isStopped) next();
    }
  };
  const done = run();
  return {
    stored,
    failed,
    async stop() {
      isStopped = true;
      await done;
      await socket[Symbol.asyncDispose]();
    },
  };
}

describe("topology changes under load", () => {
  let cluster: TestCluster;
  let gateway: GatewayProcess;
  let loads: Load[];
  beforeAll(async () => {
    cluster = await startCluster(3, 1);
    gateway = await startGatewayProcess({
      env: {
        REDIS_URL: cluster.url,
        REDIS_READ_FROM: "replica",
        REDIS_STREAM_MAXLEN: "0",
        MAX_BATCH_ENTRIES: "1000000",
      },
    });
    loads = await Promise.all(
      STREAMS.map(async (stream) => {
        const readers = await Promise.all(
          WAYS.flatMap((way) => ["0", "$"].map((from) => startReader(gateway.ws, stream, way, from))),
        );
        const pushers = await Promise.all([startPusher(gateway.ws, stream), startPusher(gateway.ws, stream)]);
        return { stream, pushers, numbered: await startNumbered(gateway.ws, stream), readers };
      }),
    );
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  const acknowledged = () =>
    loads.flatMap(({ pushers, numbered }) => [
      ...pushers.map((pusher) => pusher.acknowledged.size),
      numbered.stored.size,
    ]);
  const seen = () => loads.flatMap(({ readers }) => readers.map(({ entries }) => entries.length));

  /** Waits until more entries of every pusher are acknowledged, and every reader has read more. */
  async function progress(): Promise<void> {
    const before = acknowledged();
    await until(
      () => `each pusher continues: ${before} became ${acknowledged()}`,
      () => acknowledged().every((now, i) => now >= (before[i] ?? 0) + 50),
      60_000,
    );
    const read = seen();
    await until(
      () => `each reader continues: ${read} became ${seen()}`,
      () => seen().every((now, i) => now >= (read[i] ?? 0) + 50),
      60_000,
    );
  }

  const failures = () =>
    new Set(
      loads.flatMap(({ pushers, numbered }) => [
        ...pushers.flatMap(({ failed }) => [...failed.values()]),
        ...numbered.failed,
      ]),
    );

  test("loses nothing when slots move there and back, not even ids that must ascend", async () => {
    for (const stream of STREAMS) {
      const slots = [slotOf(keyOf(stream)), slotOf(keyOf(`${stream}-numbered`))];
      const homes = await Promise.all(
        slots.map(async (slot) => ({ slot, home: await cluster.ownerOf(slot) })),
      );
      for (const { slot, home } of homes) await cluster.moveSlot(slot, await another(home));
      await progress();
      for (const { slot, home } of homes) await cluster.moveSlot(slot, home);
      await progress();
    }
    expect(failures()).toEqual(new Set());
  });

  /** Returns a master other than this one. */
  async function another(than: TestRedis): Promise<TestRedis> {
    for (let slot = 0; slot < 16_384; slot += 1000) {
      const owner = await cluster.ownerOf(slot);
      if (owner !== than) return owner;
    }
    throw new Error("there is one master alone");
  }

  test("delivers the first entry of a stream that did not exist when its slot moved", async () => {
    const slot = slotOf(keyOf("new"));
    await using reader = await startReader(gateway.ws, "new", "json", "0");
    await using other = await startReader(gateway.ws, "new", "header", "$");
    await until(
      "the stream is watched",
      async () => (await gateway.metric("tail_streams")) >= STREAMS.length + 1,
    );
    const from = await cluster.ownerOf(slot);
    await cluster.moveSlot(slot, await another(from));
    // Appended by another client, so that the gateway receives no redirection.
    const id = String(await cluster.do("XADD", keyOf("new"), "*", "d", "x"));
    await until("both readers have it", () =>
      [reader, other].every(({ entries }) => entries.at(-1)?.id === id),
    );
    // During the migration: the new node already has the slot, and the old one does not redirect.
    const half = await cluster.ownerOf(slot);
    const [fromId, toId] = [
      await half.control.call("CLUSTER", "MYID"),
      await from.control.call("CLUSTER", "MYID"),
    ];
    await from.control.call("CLUSTER", "SETSLOT", slot, "IMPORTING", String(fromId));
    await half.control.call("CLUSTER", "SETSLOT", slot, "MIGRATING", String(toId));
    await half.control.call("MIGRATE", "127.0.0.1", from.port, keyOf("new"), 0, 5000);
    const replies = await Promise.all([
      from.control.call("ASKING"),
      from.control.call("XADD", keyOf("new"), "*", "d", "y"),
    ]);
    await until("both readers have it", () =>
      [reader, other].every(({ entries }) => entries.at(-1)?.id === String(replies[1])),
    );
    await cluster.moveSlot(slot, from);
    for (const { entries } of [reader, other]) expect(entries.map(({ text }) => text)).toEqual(["x", "y"]);
  });

  test("continues when a node joins and takes slots", async () => {
    const node = await cluster.join();
    for (const stream of STREAMS) await cluster.moveSlot(slotOf(keyOf(stream)), node);
    await progress();
    expect(failures()).toEqual(new Set());
  });

  test("continues when a master is killed and its replica is promoted", async () => {
    const slot = slotOf(keyOf("a-numbered"));
    const master = await cluster.ownerOf(slot);
    await progress();
    await master.kill();
    await until("another one has its slots", async () => (await cluster.ownerOf(slot)) !== master);
    await progress();
    await master.start();
    await progress();
    // Only entries in flight to the killed master may fail.
    expect([...failures()].filter((code) => code !== "APPEND_UNKNOWN")).toEqual([]);
  });

  test("continues when a master hangs and its replica is promoted", async () => {
    const slot = slotOf(keyOf("b-numbered"));
    const master = await cluster.ownerOf(slot);
    master.freeze();
    await until(
      "another one has its slots",
      async () => (await cluster.ownerOf(slot, master)) !== master,
      30_000,
    );
    await progress();
    master.thaw();
    await progress();
    expect([...failures()].filter((code) => code !== "APPEND_UNKNOWN")).toEqual([]);
  });

  /** Number of range reads of a node, if it is a replica. */
  async function pagesOfReplica({ control }: TestRedis): Promise<number> {
    if (!String(await control.call("INFO", "replication")).includes("role:slave")) return 0;
    const [, calls = "0"] =
      /cmdstat_xrange:calls=(\d+)/.exec(String(await control.call("INFO", "commandstats"))) ?? [];
    return Number(calls);
  }

  async function entriesOf(stream: string) {
    const answer = await request(`${gateway.http}/data/${stream}/entries?format=json&count=1000000`);
    return (answer.json() as [string, string, string][]).map(([, id, text]) => ({ id, text }));
  }

  test("has delivered the stream to every reader in order and once, and stored every acknowledged entry", async () => {
    await progress();
    for (const { pushers, numbered } of loads)
      await Promise.all([...pushers.map((pusher) => pusher.stop()), numbered.stop()]);
    for (const { stream, pushers, numbered, readers } of loads) {
      const stored = await entriesOf(stream);
      const texts = new Map(stored.map(({ id, text }) => [id, text]));
      const last = stored.at(-1)?.id;
      await until(
        () => `all readers have ${last}: ${readers.map(({ entries }) => entries.at(-1)?.id)}`,
        () => readers.every(({ entries }) => entries.at(-1)?.id === last),
      );
      // A promoted replica may lack the last entries of the killed master; those are lost to everyone.
      const acks = pushers.flatMap(({ acknowledged: all }) => [...all]);
      expect(acks.filter(([id, number]) => texts.get(id) !== `${number}`).length).toBeLessThan(100);
      const ids = new Set((await entriesOf(`${stream}-numbered`)).map(({ id }) => id));
      expect([...numbered.stored].filter((id) => !ids.has(id)).length).toBeLessThan(100);
      for (const { entries } of readers) {
        const kept = entries.filter(({ id }) => texts.has(id));
        expect(entries.length - kept.length).toBeLessThan(100);
        const from = stored.findIndex(({ id }) => id === kept[0]?.id);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(kept).toEqual(stored.slice(from));
      }
    }
    // History was read from replicas.
    const pages = await Promise.all(cluster.nodes.map(pagesOfReplica));
    expect(pages.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(STREAMS.length);
    expect(await gateway.metric("appends_in_flight")).toBe(0);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  });
});
