/**
 * A Redis Cluster of real processes behind one gateway: all that a client can do, and then slots that move, masters that are
 * killed and nodes that join, under load. Nobody misses an entry, has one twice or out of order, and the gateway stays.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { slotOf } from "../../src/redis/slots.ts";
import { startCluster, type TestCluster } from "../support/cluster.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { request } from "../support/http.ts";
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

  test("flush, of all nodes", async () => {
    for (let i = 0; i < 20; i++) await request(`${gateway.http}/data/f${i}`, { method: "POST", body: "x" });
    await graphql("mutation { flush }");
    expect(await graphql("{ streamIds }")).toEqual({ streamIds: [] });
    for (const { control } of cluster.nodes) expect(await control.call("DBSIZE")).toBe(0);
  });
});
