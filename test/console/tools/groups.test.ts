import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Streamer } from "../../../client/index.ts";
import { drop, ownFields, requeue } from "../../../console/tools/groups/dead-letters.ts";
import {
  deadLetterKey,
  groupsPath,
  parseGroups,
  parsePending,
} from "../../../console/tools/groups/groups.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let streamer: Streamer;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  streamer = connect(gateway.http);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const { signal } = new AbortController();
const lengthOf = (key: string) => redis.control.call("XLEN", key);
const addLetters = async (group: string, count: number) => {
  for (let i = 0; i < count; i++)
    await redis.control.call("XADD", `rover:jobs:dead:${group}`, "*", "stream", "rover:jobs", "d", "x");
};

test("addresses the groups of a stream of any name", () => {
  expect(groupsPath("rover:cam*", "a/b", "pending")).toBe(
    "data/rover%3Acam*/work/a%2Fb/pending?device_id=&pattern=0",
  );
  expect(deadLetterKey("rover:cam", "detect")).toBe("rover:cam:dead:detect");
});

test("reads groups and pending entries", () => {
  expect(parseGroups([{ group: "detect", lag: null, pending: 1, consumers: 2 }, "x", null])).toEqual([
    { name: "detect", lag: undefined, pending: 1, consumers: 2 },
  ]);
  expect(parsePending([{ id: "5-0", consumer: "w1", idle_ms: 1200, n: 3 }])).toEqual([
    { id: "5-0", consumer: "w1", idleMs: 1200, deliveries: 3 },
  ]);
  for (const other of [undefined, {}, "x"])
    expect([parseGroups(other), parsePending(other)]).toEqual([[], []]);
});

test("removes the fields of a dead letter that the gateway added, and keeps those of the same name", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const added = { stream: bytes("s"), n: bytes("5"), reason: bytes("max_deliver") };
  const fields = new Map<string, Uint8Array | readonly Uint8Array[]>([
    ...Object.entries(added),
    ["id", [bytes("1-0"), bytes("own")]],
    ["qty", bytes("3")],
  ]);
  expect(ownFields(fields)).toEqual({ id: bytes("own"), qty: bytes("3") });
  expect(ownFields(new Map(Object.entries(added)))).toBeUndefined();
  expect(ownFields(undefined)).toBeUndefined();
});

test("requeues the letters that are shown, and none that arrive later", async () => {
  await addLetters("a", 3);
  const counts: number[] = [];
  const letters = { streamKey: "rover:jobs", group: "a", count: 2 };
  await requeue(streamer, letters, { signal, report: (count) => counts.push(count) });
  expect(counts).toEqual([1, 2]);
  expect([await lengthOf("rover:jobs:dead:a"), await lengthOf("rover:jobs")]).toEqual([1, 2]);
});

test("ends when others have taken the letters", async () => {
  await addLetters("b", 1);
  const counts: number[] = [];
  const letters = { streamKey: "rover:jobs", group: "b", count: 5 };
  await drop(streamer, letters, { signal, report: (count) => counts.push(count), idleMs: 500 });
  expect(counts).toEqual([1]);
  await addLetters("b", 1);
  expect(await lengthOf("rover:jobs:dead:b")).toBe(1);
});
