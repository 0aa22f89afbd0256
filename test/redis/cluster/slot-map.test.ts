import { describe, expect, test } from "vitest";
import type { RedisAddress } from "../../../src/redis/address/redis-url.ts";
import { SlotMap } from "../../../src/redis/cluster/slot-map.ts";
import type { Reply } from "../../../src/redis/resp/reader.ts";

const SEED: RedisAddress = { target: { host: "seed", port: 1 }, database: 0 };
const member = (host: string | null, port: number): Reply => [host === null ? null : Buffer.from(host), port];

/** Two masters, the first with a replica. */
const TWO: Reply = [
  [0, 8191, member("a", 7000), member("c", 7002)],
  [8192, 16_383, member("b", 7001)],
];

function mapOf(reply: Reply): SlotMap {
  const map = new SlotMap({});
  expect(map.adopt(reply, SEED)).toBeUndefined();
  return map;
}

test("is empty until a reply is adopted", () => {
  const map = new SlotMap({});
  expect([map.ownerOf(0), map.masters(), map.replicas(), map.replicasOf(0)]).toEqual([undefined, [], [], []]);
});

test("returns the master and the replicas of each slot", () => {
  const map = mapOf(TWO);
  expect([0, 8191, 8192, 16_383].map((slot) => map.ownerOf(slot)?.name)).toEqual([
    "a:7000",
    "a:7000",
    "b:7001",
    "b:7001",
  ]);
  expect(map.masters().map(({ name }) => name)).toEqual(["a:7000", "b:7001"]);
  expect(map.replicasOf(8191).map(({ name }) => name)).toEqual(["c:7002"]);
  expect(map.replicasOf(8192)).toEqual([]);
  expect(map.replicas().map(({ name }) => name)).toEqual(["c:7002"]);
});

test("keeps one object per address over all maps", () => {
  const map = mapOf(TWO);
  const owner = map.ownerOf(0);
  map.adopt(TWO, SEED);
  expect(map.ownerOf(0)).toBe(owner);
  expect(map.nodeAt("a:7000", { name: "seed:1", address: SEED })).toBe(owner);
});

test.each<[string, Reply]>([
  ["an empty list", []],
  ["a status", "OK"],
  ["null", null],
])("keeps the map if the reply is %s", (_, reply) => {
  const map = mapOf(TWO);
  expect(map.adopt(reply, SEED)).toBe("it returned no slots");
  expect(map.ownerOf(0)?.name).toBe("a:7000");
});

test.each<[string, string | null]>([
  ["no host", null],
  ["an empty host", ""],
  ["the host ?", "?"],
])("uses the replying node's host for a node with %s", (_, host) => {
  expect(mapOf([[0, 16_383, member(host, 7000)]]).ownerOf(5)?.name).toBe("seed:7000");
});

test("gives all nodes the credentials, and TLS options with their own server name", () => {
  const map = new SlotMap({ username: "u", password: "p", tls: { ca: "x", servername: "seed" } });
  map.adopt([[0, 16_383, member("a.example", 7000), member("10.0.0.1", 7001)]], SEED);
  expect(map.ownerOf(0)?.address).toEqual({
    target: { host: "a.example", port: 7000 },
    username: "u",
    password: "p",
    tls: { ca: "x", servername: "a.example" },
    database: 0,
  });
  expect(map.replicas()[0]?.address.tls).toEqual({ ca: "x" });
});

describe("redirections", () => {
  const by = { name: "seed:1", address: SEED };

  test.each([
    ["127.0.0.1:7005", "127.0.0.1:7005"],
    ["2001:db8::1:7005", "2001:db8::1:7005"],
    [":7005", "seed:7005"],
    ["?:7005", "seed:7005"],
    ["7005", undefined],
    ["a:0", undefined],
    ["a:65536", undefined],
    ["a:x", undefined],
    ["", undefined],
  ])("to %j: node %j", (text, name) => {
    expect(new SlotMap({}).nodeAt(text, by)?.name).toBe(name);
  });

  test("moves one slot, and adds a new master", () => {
    const map = mapOf(TWO);
    const target = map.nodeAt("d:7003", by);
    if (target === undefined) expect.fail("no node");
    expect(map.move(5, target)).toBe(true);
    expect(map.move(5, target)).toBe(false);
    expect([4, 5, 6].map((slot) => map.ownerOf(slot)?.name)).toEqual(["a:7000", "d:7003", "a:7000"]);
    expect(map.masters()).toContain(target);
  });
});
