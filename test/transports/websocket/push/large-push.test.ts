/** Large entries, which have a connection of their own to Redis: they delay no small ones, and keep their order. */
import { encode } from "@msgpack/msgpack";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectSocket, type TestSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { type BadNetwork, startBadNetwork } from "../../../support/redis/bad-network.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

const MIB = 2 ** 20;

let redis: TestRedis;
let network: BadNetwork;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  network = await startBadNetwork(redis.port);
  gateway = await startTestGateway(network.url, { REDIS_STREAM_MAXLEN: "0" });
});
afterAll(async () => {
  await gateway.close();
  await network[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const connect = (path: string) => connectSocket(`${gateway.ws}/data/${path}`);
const ack = async (socket: TestSocket): Promise<readonly string[]> => JSON.parse(await socket.text());
const post = async (stream: string, body: Uint8Array): Promise<readonly string[]> =>
  (
    await fetch(`${gateway.http}/data/${stream}?format=raw`, { method: "POST", body: Buffer.from(body) })
  ).json() as Promise<readonly string[]>;

describe("while a large entry is on its way", () => {
  beforeEach(async () => {
    await post("opened", Buffer.alloc(2 * MIB));
    network.stall("large");
  });
  afterEach(() => network.forward());

  test.each(["push", "POST"])("of a %s, small entries of other clients are stored", async (route) => {
    await using large = await connect(`large-${route}/push?header=0&ack=1`);
    await using small = await connect(`small-${route}/push?header=0&ack=1`);
    const stored = route === "POST" ? post(`large-${route}`, Buffer.alloc(8 * MIB)) : ack(large);
    if (route === "push") large.send(Buffer.alloc(8 * MIB));
    await large.taken();
    small.send("small");
    expect(await ack(small)).toHaveLength(1);
    expect(await post("small", Buffer.from("posted"))).toHaveLength(1);
    expect(await redis.control.call("XLEN", `default:large-${route}`)).toBe(0);
    network.forward();
    expect(await stored).toHaveLength(1);
  });
});

test("a large entry waits for the small ones that its client sent before", async () => {
  await post("opened", Buffer.alloc(2 * MIB));
  await using writer = await connect("mixed/push?header=0&ack=1");
  network.stall("appends");
  writer.send("first");
  writer.send(Buffer.alloc(2 * MIB));
  await writer.taken();
  // It leaves over the same connection as the entry above would.
  await post("another", Buffer.alloc(2 * MIB));
  network.forward();
  const ids = [await ack(writer), await ack(writer)].flat();
  const entries = (await redis.control.call("XRANGE", "default:mixed", "-", "+")) as [Buffer, Buffer[]][];
  expect(entries.map(([id, [, data]]) => [String(id), data?.length])).toEqual([
    [ids[0], 5],
    [ids[1], 2 * MIB],
  ]);
});

test.each([
  ["header=0", (bytes: number, i: number) => [Buffer.alloc(bytes, i)]],
  ["header=1", (bytes: number, i: number) => [`[${bytes}]`, Buffer.alloc(bytes, i)]],
  ["format=msgpack", (bytes: number, i: number) => [encode([["packed", null, Buffer.alloc(bytes, i)]])]],
])(
  "entries of one client are stored and delivered in order, whatever their size: %s",
  async (format, messages) => {
    const stream = format === "format=msgpack" ? "packed" : format.replaceAll(/\W/g, "-");
    await using reader = await connect(`${stream}/pull?header=0`);
    await using writer = await connect(`${stream}/push?${format}&ack=1`);
    const sizes = [10, 3 * MIB, 20, 30, MIB, 2 * MIB, 40, 5 * MIB, 50, MIB - 1, 60];
    sizes.forEach((size, i) => {
      for (const message of messages(size, i)) writer.send(message);
    });
    const ids: string[] = [];
    for (const size of sizes) {
      ids.push(...(await ack(writer)));
      expect((await reader.next()).data.length).toBe(size);
    }
    const entries = (await redis.control.call("XRANGE", `default:${stream}`, "-", "+")) as [
      Buffer,
      Buffer[],
    ][];
    expect(entries.map(([id, [, data]]) => [String(id), data?.length, data?.[0]])).toEqual(
      sizes.map((size, i) => [ids[i], size, i]),
    );
  },
);

test("a large batch is acknowledged with one result per entry", async () => {
  await using writer = await connect("batch/push?format=msgpack&ack=1");
  writer.send(encode(Array.from({ length: 5000 }, (_, i) => ["batch", null, Buffer.alloc(1000, i % 256)])));
  const ids = await ack(writer);
  const entries = (await redis.control.call("XRANGE", "default:batch", "-", "+")) as [Buffer, Buffer[]][];
  expect(entries.map(([id]) => String(id))).toEqual(ids);
  expect(entries.every(([, [, data]], i) => data?.[0] === i % 256)).toBe(true);
});
