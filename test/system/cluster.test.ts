/**
 * A Redis Cluster of real processes behind one gateway: all that a client can do, and then slots that move, masters that are
 * killed and nodes that join, under load. Nobody misses an entry, has one twice or out of order, and the gateway stays.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { slotOf } from "../../src/redis/hash-slot.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { request } from "../support/http.ts";
import { type Pusher, type Reader, startPusher, startReader, type Way } from "../support/load.ts";
import type { TestRedis } from "../support/redis.ts";
import { connectSocket } from "../support/socket.ts";
import { until } from "../support/until.ts";

describe("what clients can do", () => {
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

  test("push and pull, of many streams in one request", async () => {
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

  test("HTTP: append, history, the newest, waiting for what comes", async () => {
    for (let i = 0; i < 10; i++)
      expect((await request(`${gateway.http}/data/http`, { method: "POST", body: `${i}` })).status).toBe(200);
    const page = await request(`${gateway.http}/data/http/entries?format=json&count=4`);
    expect((page.json() as unknown[][]).map(([, , data]) => data)).toEqual(["0", "1", "2", "3"]);
    const newest = await request(`${gateway.http}/data/http?latest=1&last_entry_id=0`);
    expect(newest.text).toBe("9");
    const waiting = request(`${gateway.http}/data/http+other?block=20000&format=json`);
    await until("somebody waits", async () =>
      (await request(`${gateway.http}/metrics`)).text.includes("redis_streamer_readers 1"),
    );
    await request(`${gateway.http}/data/other`, { method: "POST", body: "late" });
    expect((await waiting).json()).toEqual([["other", expect.any(String), "late"]]);
  });

  test("own ids, and an entry that is refused", async () => {
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

  test("devices that come and go by their sockets, each told once", async () => {
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
    // Not closed, so that the lease runs out and somebody else has to see it.
    second.raw.pause();
    await until("it is gone", async () => !(await connected()));
    second.raw.terminate();
    const events = (await cluster.do("XRANGE", ":event:device.connected", "-", "+")) as [Buffer, Buffer[]][];
    const told = events.map(([, [, data]]) => JSON.parse(String(data)));
    expect(told.filter(({ device_id }) => device_id === "rover")).toEqual([
      { device_id: "rover", connected: true, meta: {} },
      { device_id: "rover", connected: false },
    ]);
  });

  test("changes of metadata, on whichever node", async () => {
    await using socket = await connectSocket(`${gateway.ws}/graphql`, {}, ["graphql-transport-ws"]);
    const send = (message: object) => socket.send(JSON.stringify(message));
    send({ type: "connection_init" });
    await socket.next();
    const query = "subscription { streamMeta { streamId meta } }";
    send({ id: "1", type: "subscribe", payload: { query } });
    const told = new Map<string, unknown>();
    const listening = (async () => {
      for (;;) {
        const { payload } = JSON.parse(await socket.text());
        told.set(payload.data.streamMeta.streamId, payload.data.streamMeta.meta);
      }
    })().catch(() => undefined);
    const streams = Array.from({ length: 12 }, (_, i) => `cam:m${i}`);
    let tries = 0;
    await until("all are told", async () => {
      tries++;
      for (const one of streams) await cluster.do("SET", `:stream:meta:${one}`, `{"tries":${tries}}`);
      return streams.every((one) => told.has(one));
    });
    await until("the last of each is told", () =>
      streams.every((one) => (told.get(one) as { tries: number }).tries === tries),
    );
    socket.close();
    await listening;
  });

  test("flush, of all nodes", async () => {
    for (let i = 0; i < 20; i++) await request(`${gateway.http}/data/f${i}`, { method: "POST", body: "x" });
    await graphql("mutation { flush }");
    expect(await graphql("{ streamIds }")).toEqual({ streamIds: [] });
    for (const { control } of cluster.nodes) expect(await control.call("DBSIZE")).toBe(0);
  });
});

test("a cluster that is away, or of which a part is, is told of in time, and comes back", async () => {
  await using cluster = await startCluster(3);
  await using gateway = await startTestGateway(cluster.url, { REDIS_WAIT_MS: "300" });
  const push = async () => {
    const answer = await request(`${gateway.http}/data/s`, { method: "POST", body: "x" });
    return answer.status === 200 ? "stored" : (answer.json() as { code: string }).code;
  };
  expect(await push()).toBe("stored");
  const owner = await cluster.ownerOf(slotOf("default:s"));
  await owner.kill();
  await until("the loss is told", async () => (await push()) === "REDIS_UNAVAILABLE");
  expect((await request(`${gateway.http}/data/s/entries`)).status).toBe(503);
  expect((await request(`${gateway.http}/readyz`)).status).toBe(503);
  expect((await request(`${gateway.http}/healthz`)).status).toBe(200);
  await owner.start();
  await until("it is stored again", async () => (await push()) === "stored");
  for (const node of cluster.nodes) await node.kill();
  await until("the loss is told", async () => (await push()) === "REDIS_UNAVAILABLE");
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await until("it is stored again", async () => (await push()) === "stored");
  await until("it is ready", async () => (await request(`${gateway.http}/readyz`)).status === 200);
});

/** Three streams of different nodes, and one that is not there until its slot has moved. */
const STREAMS = ["a", "b", "c"];
const WAYS: readonly Way[] = ["json", "header", "acked", "events"];
const keyOf = (stream: string) => `default:${stream}`;

interface Load {
  readonly stream: string;
  readonly pushers: readonly Pusher[];
  readonly numbered: NumberedPusher;
  readonly readers: readonly Reader[];
}

/** A pusher with ids of its own, which Redis refuses where a later one came first. */
interface NumberedPusher {
  readonly stored: ReadonlySet<string>;
  /** Codes of what was not (or not surely) stored. */
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

describe("what happens to a cluster under load", () => {
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

  /** Waits until every pusher has more of its entries acknowledged, and every reader more of them read. */
  async function progress(): Promise<void> {
    const before = acknowledged();
    await until(
      () => `each pusher goes on: ${before} became ${acknowledged()}`,
      () => acknowledged().every((now, i) => now >= (before[i] ?? 0) + 50),
      60_000,
    );
    const read = seen();
    await until(
      () => `each reader goes on: ${read} became ${seen()}`,
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

  test("slots move there and back: nothing fails, not even ids that have to ascend", async () => {
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

  /** A master that is not this one. */
  async function another(than: TestRedis): Promise<TestRedis> {
    for (let slot = 0; slot < 16_384; slot += 1000) {
      const owner = await cluster.ownerOf(slot);
      if (owner !== than) return owner;
    }
    throw new Error("there is one master alone");
  }

  test("a stream that is not there yet when its slot moves is read when it comes", async () => {
    const slot = slotOf(keyOf("new"));
    await using reader = await startReader(gateway.ws, "new", "json", "0");
    await using other = await startReader(gateway.ws, "new", "header", "$");
    await until(
      "the stream is watched",
      async () => (await gateway.metric("tail_streams")) >= STREAMS.length + 1,
    );
    const from = await cluster.ownerOf(slot);
    await cluster.moveSlot(slot, await another(from));
    // By somebody else, of whom no command here is refused.
    const id = String(await cluster.do("XADD", keyOf("new"), "*", "d", "x"));
    await until("both have it", () => [reader, other].every(({ entries }) => entries.at(-1)?.id === id));
    // And half way: the slot's new node has it already, and the old one does not say so.
    const half = await cluster.ownerOf(slot);
    const [fromId, toId] = [
      await half.control.call("CLUSTER", "MYID"),
      await from.control.call("CLUSTER", "MYID"),
    ];
    await from.control.call("CLUSTER", "SETSLOT", slot, "IMPORTING", String(fromId));
    await half.control.call("CLUSTER", "SETSLOT", slot, "MIGRATING", String(toId));
    await half.control.call("MIGRATE", "127.0.0.1", from.port, keyOf("new"), 0, 5000);
    const asked = await Promise.all([
      from.control.call("ASKING"),
      from.control.call("XADD", keyOf("new"), "*", "d", "y"),
    ]);
    await until("both have it", () =>
      [reader, other].every(({ entries }) => entries.at(-1)?.id === String(asked[1])),
    );
    await cluster.moveSlot(slot, from);
    for (const { entries } of [reader, other]) expect(entries.map(({ text }) => text)).toEqual(["x", "y"]);
  });

  test("a node joins and takes slots", async () => {
    const node = await cluster.join();
    for (const stream of STREAMS) await cluster.moveSlot(slotOf(keyOf(stream)), node);
    await progress();
    expect(failures()).toEqual(new Set());
  });

  test("a master is killed and its replica takes over", async () => {
    const slot = slotOf(keyOf("a-numbered"));
    const master = await cluster.ownerOf(slot);
    await progress();
    await master.kill();
    await until("another one has its slots", async () => (await cluster.ownerOf(slot)) !== master);
    await progress();
    await master.start();
    await progress();
    // What was under way to the one that died, and nothing else.
    expect([...failures()].filter((code) => code !== "APPEND_UNKNOWN")).toEqual([]);
  });

  test("a master hangs, and its replica takes over", async () => {
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

  /** How often a node was asked for a range, if it is a replica. */
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

  test("in the end every reader has the stream, in order and once, and every acknowledged entry is there", async () => {
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
      // A replica that takes over may not have the last moment of the master that died: what it does not have, nobody has.
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
    // History came from those that follow.
    const pages = await Promise.all(cluster.nodes.map(pagesOfReplica));
    expect(pages.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(STREAMS.length);
    expect(await gateway.metric("appends_in_flight")).toBe(0);
    expect(await gateway.metric("internal_errors_total")).toBe(0);
  });
});
