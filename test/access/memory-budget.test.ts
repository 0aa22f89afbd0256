import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryBudget, type MemoryBudget, type MemoryLease } from "../../src/access/memory-budget.ts";
import { until } from "../support/until.ts";

const budgetOf = (totalBytes: number, shareBytes: number, waitMs = 60_000): MemoryBudget<"body" | "answer"> =>
  createMemoryBudget({ uses: ["body", "answer"], totalBytes, shareBytes, waitMs });

test("a client that has used its share waits, and another one does not", async () => {
  const budget = budgetOf(100, 50);
  const held = budget.open("body", "a");
  expect(held.tryGrow(50)).toBe(true);
  const over = budget.open("body", "a");
  expect(over.tryGrow(1)).toBe(false);
  expect(budget.open("body", "b").tryGrow(40)).toBe(true);
  const granted = over.grow(10);
  held.release();
  await granted;
  expect(budget.counts.body).toEqual({ bytes: 50, waits: 1, rejections: 0 });
});

test("a client that holds little may exceed its share with one item", async () => {
  const budget = budgetOf(1000, 40);
  budget.open("answer", "a").set(10);
  const large = budget.open("answer", "a");
  expect(large.tryGrow(100)).toBe(true);
  expect(budget.open("answer", "a").tryGrow(1)).toBe(false);
  // It has begun, so it may go on.
  expect(large.tryGrow(100)).toBe(true);
});

test("one item larger than the total is admitted, and the next one after it", async () => {
  const budget = budgetOf(100, 50);
  const large = budget.open("answer", "a");
  await large.grow(1000);
  const other = budget.open("answer", "b");
  expect(other.tryGrow(1)).toBe(false);
  const granted = other.grow(1000);
  large.release();
  await granted;
  expect(budget.heldBytes()).toBe(1000);
});

test("items that grow step by step finish one after the other", async () => {
  const budget = budgetOf(100, 60);
  const order: number[] = [];
  const items = [...Array(8).keys()].map(async (i) => {
    const lease = budget.open("body", i < 6 ? "a" : `client ${i}`);
    for (let step = 0; step < 10; step++) await lease.grow(9);
    order.push(i);
    lease.release();
  });
  await Promise.all(items);
  expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(budget.heldBytes()).toBe(0);
});

test("clients are served in turn, each in order", async () => {
  const budget = budgetOf(10, 10);
  const first = budget.open("body", "x");
  first.set(10);
  const over = budget.open("body", "y");
  await over.grow(1);
  const order: string[] = [];
  for (const name of ["a1", "a2", "a3", "b1", "c1"]) {
    const lease = budget.open("body", name.slice(0, 1));
    lease.whenRoom(5, (granted) => {
      order.push(`${name} ${granted}`);
      setImmediate(lease.release);
    });
  }
  over.release();
  first.release();
  await until("all have been served", () => order.length === 5);
  expect(order).toEqual(["a1 true", "b1 true", "c1 true", "a2 true", "a3 true"]);
});

test("a wait ends after its time, and is counted as rejected", async () => {
  const budget = budgetOf(10, 10, 20);
  const holder = budget.open("body", "a");
  await holder.grow(10);
  const over = budget.open("body", "b");
  await over.grow(1);
  const late = budget.open("body", "c");
  await expect(late.grow(5)).rejects.toMatchObject({ code: "OVERLOADED", retryAfterMs: 2000 });
  expect(budget.counts.body).toEqual({ bytes: 11, waits: 1, rejections: 1 });
});

type Step = {
  readonly do: "ask" | "set" | "release" | "turn";
  readonly lease: number;
  readonly bytes: number;
};

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    do: fc.constantFrom("ask" as const, "ask" as const, "set" as const, "release" as const, "turn" as const),
    lease: fc.nat(9),
    bytes: fc.nat(80),
  }),
  { maxLength: 80 },
);

test("after any sequence of events the budget returns to zero, and its bounds hold before", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (events) => {
      const budget = budgetOf(100, 40);
      const leases: MemoryLease[] = [...Array(10).keys()].map((i) => budget.open("body", `client ${i % 3}`));
      const waiting = new Set<number>();
      /** Bytes that were set without asking, which no bound covers. */
      let forced = 0;
      for (const event of events) {
        const lease = leases[event.lease];
        if (lease === undefined) continue;
        if (event.do === "turn") await new Promise(setImmediate);
        else if (event.do === "release") {
          lease.release();
          waiting.delete(event.lease);
        } else if (event.do === "set") {
          forced += Math.max(0, event.bytes - lease.bytes());
          lease.set(event.bytes);
        } else if (!waiting.has(event.lease) && !lease.tryGrow(event.bytes)) {
          waiting.add(event.lease);
          lease.whenRoom(event.bytes, () => waiting.delete(event.lease));
        }
        const held = leases.map((one) => one.bytes());
        expect(budget.heldBytes()).toBe(held.reduce((sum, bytes) => sum + bytes, 0));
        // The total, one largest item, and what did not ask.
        expect(budget.heldBytes()).toBeLessThanOrEqual(100 + Math.max(...held) + forced);
      }
      for (const lease of leases) lease.release();
      await new Promise(setImmediate);
      expect(budget.heldBytes()).toBe(0);
      expect(budget.counts.body.bytes).toBe(0);
      expect(budget.open("body", "client 0").tryGrow(40)).toBe(true);
    }),
  );
});

test("no lease waits for ever while others come and go", async () => {
  const demand = fc.array(
    fc.record({
      client: fc.nat(3),
      sizes: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(demand, async (items) => {
      const budget = budgetOf(100, 40);
      await Promise.all(
        items.map(async ({ client, sizes }) => {
          const lease = budget.open("answer", `client ${client}`);
          for (const size of sizes) {
            await lease.grow(size);
            await new Promise(setImmediate);
          }
          lease.release();
        }),
      );
      expect(budget.heldBytes()).toBe(0);
      expect(budget.counts.answer.rejections).toBe(0);
    }),
  );
});
