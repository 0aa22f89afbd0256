import { expect, test } from "vitest";
import { createMemoryBudget } from "../../../../../src/access/limits/memory-budget.ts";
import { createPayloadBudget } from "../../../../../src/transports/graphql/execution/limits/payload-budget.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The budget of an operation. */
function open() {
  const memory = createMemoryBudget({
    ...{ uses: ["graphql"] as const, totalBytes: MIB, shareBytes: MIB, smallBytes: 0, waitMs: 20 },
  });
  const lease = memory.open("graphql", "client");
  const payloads = createPayloadBudget({ maxBytes: 8 * MIB, readBytes: 8 * MIB, lease });
  /** Lets other clients fill the pool, and take the one item that may exceed it. @returns the latter */
  const takeAll = () => {
    expect(memory.open("graphql", "other").tryGrow(256 * KIB)).toBe(true);
    const item = memory.open("graphql", "greedy");
    expect(item.tryGrow(2 * MIB)).toBe(true);
    return item;
  };
  return { lease, payloads, takeAll };
}

test("holds memory at once if there is room, and returns it for the next event of a subscription", () => {
  const { lease, payloads } = open();
  expect(payloads.hold(100 * KIB)).toBeUndefined();
  expect(payloads.hold(100 * KIB)).toBeUndefined();
  expect(lease.bytes()).toBe(200 * KIB);
  payloads.restart();
  expect(lease.bytes()).toBe(0);
});

test("does not count what is small", () => {
  const { lease, payloads } = open();
  expect(payloads.hold(10 * KIB)).toBeUndefined();
  expect(lease.bytes()).toBe(0);
});

test("waits for memory, and keeps it beside payloads that are read", async () => {
  const { lease, payloads, takeAll } = open();
  const item = takeAll();
  const waiting = payloads.hold(300 * KIB);
  expect(waiting).toBeInstanceOf(Promise);
  item.release();
  await waiting;
  await payloads.gather(
    KIB,
    () => Promise.resolve(undefined),
    () => [],
  );
  expect(lease.bytes()).toBe(300 * KIB);
});

test("fails if no memory becomes free in time", async () => {
  const { payloads, takeAll } = open();
  takeAll();
  await expect(payloads.hold(300 * KIB)).rejects.toMatchObject({ code: "OVERLOADED" });
});

test("metadata takes memory, and what payloads may have", async () => {
  const { lease, payloads } = open();
  expect(await payloads.take(100 * KIB)).toBe(true);
  expect(lease.bytes()).toBe(5 * 100 * KIB);
  expect(await payloads.take(8 * MIB)).toBe(false);
  expect(lease.bytes()).toBe(5 * 100 * KIB);
  const { payloads: others, takeAll } = open();
  takeAll();
  await expect(others.take(300 * KIB)).rejects.toMatchObject({ code: "OVERLOADED" });
});
