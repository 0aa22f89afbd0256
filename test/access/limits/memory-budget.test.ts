import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createMemoryBudget,
  type MemoryBudget,
  type MemoryLease,
} from "../../../src/access/limits/memory-budget.ts";
import { until } from "../../support/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const budgetOf = (
  totalBytes: number,
  shareBytes: number,
  { waitMs = 60_000, smallBytes = 0 } = {},
): MemoryBudget<"body" | "answer"> =>
  createMemoryBudget({ uses: ["body", "answer"], totalBytes, shareBytes, smallBytes, waitMs });

/** Takes the exception, like a client with one item larger than its share. */
const takeException = (budget: MemoryBudget<"body" | "answer">): MemoryLease => {
  const lease = budget.open("body", "exceptional");
  expect(lease.tryGrow(64 * MIB)).toBe(true);
  return lease;
};

test("a client that has used its share waits, and another client does not", async () => {
  const budget = budgetOf(400, 50);
  takeException(budget);
  const held = budget.open("answer", "a");
  expect(held.tryGrow(50)).toBe(true);
  const over = budget.open("answer", "a");
  expect(over.tryGrow(1)).toBe(false);
  expect(budget.open("answer", "b").tryGrow(40)).toBe(true);
  const granted = over.grow(10);
  held.release();
  await granted;
  expect(budget.counts.answer).toEqual({ bytes: 50, waits: 1, rejections: 0 });
});

test("one client that holds little may exceed its share with one item", async () => {
  const budget = budgetOf(1000, 40);
  budget.open("answer", "a").set(10);
  const large = budget.open("answer", "a");
  expect(large.tryGrow(100)).toBe(true);
  expect(budget.open("answer", "a").tryGrow(31)).toBe(false);
  expect(budget.open("answer", "b").tryGrow(41)).toBe(false);
  // A started item may continue.
  expect(large.tryGrow(100)).toBe(true);
});

test("one item larger than the total is admitted, and the next one after it", async () => {
  const budget = budgetOf(100, 50);
  const large = budget.open("answer", "a");
  await large.grow(1000);
  const other = budget.open("answer", "b");
  expect(other.tryGrow(1000)).toBe(false);
  const granted = other.grow(1000);
  large.release();
  await granted;
  expect(budget.heldBytes()).toBe(1000);
});

test("clients that take their maximum leave room for one more", () => {
  const budget = budgetOf(64 * 1024, 32 * 1024);
  takeException(budget);
  for (let i = 0; i < 8; i++) {
    let size = 32 * 1024;
    while (size > 0) if (!budget.open("answer", `client ${i}`).tryGrow(size)) size = Math.floor(size / 2);
  }
  expect(budget.open("answer", "another").tryGrow(256)).toBe(true);
});

test("small items fit while 200 clients hold their maximum", () => {
  const budget = budgetOf(64 * MIB, 32 * MIB, { smallBytes: 256 * KIB });
  takeException(budget);
  for (let i = 0; i < 200; i++)
    for (let size = 32 * MIB; size >= 16; size /= 2)
      while (budget.open("answer", `client ${i}`).tryGrow(size));
  expect(budget.open("answer", "another").tryGrow(256 * KIB)).toBe(false);
  expect(budget.open("answer", "another").tryGrow(KIB)).toBe(true);
  expect(budget.heldBytes()).toBeLessThan(64 * MIB + 64 * MIB);
});

test("a small item overtakes a large waiting one of the same client", async () => {
  const budget = budgetOf(1000, 100, { smallBytes: 7 });
  takeException(budget);
  const large = budget.open("answer", "a");
  const granted = large.grow(500);
  expect(budget.open("answer", "a").tryGrow(20)).toBe(false);
  expect(budget.open("answer", "a").tryGrow(7)).toBe(true);
  large.release();
  await expect(granted).rejects.toMatchObject({ code: "OVERLOADED" });
  expect(budget.isShort()).toBe(false);
});

test("items that grow step by step finish one after another", async () => {
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

test("items that move to another lease when complete do not accumulate", async () => {
  const budget = budgetOf(64 * MIB, 32 * MIB);
  const stored = budget.open("body", "a");
  let complete = 0;
  let released = 0;
  const items = Array.from({ length: 30 }, async () => {
    const arriving = budget.open("body", "a");
    // A first chunk is read before the lease grows, as on a socket.
    arriving.set(64 * KIB);
    await arriving.grow(30 * MIB - 64 * KIB);
    stored.set((++complete - released) * 30 * MIB);
    arriving.release();
  });
  for (let i = 1; i <= 30; i++) {
    await until("an item is complete", () => complete >= i);
    expect(budget.heldBytes()).toBeLessThanOrEqual(64 * MIB + 30 * MIB);
    stored.set((complete - ++released) * 30 * MIB);
  }
  await Promise.all(items);
  stored.release();
  expect(budget.heldBytes()).toBe(0);
});

test("clients are served round robin, each in order", async () => {
  const budget = budgetOf(100, 100);
  const first = takeException(budget);
  const order: string[] = [];
  for (const name of ["a1", "a2", "a3", "b1", "c1"]) {
    const lease = budget.open("body", name.slice(0, 1));
    lease.whenRoom(90, (granted) => {
      order.push(`${name} ${granted}`);
      setImmediate(() => lease.release());
    });
  }
  expect(budget.open("body", "d").tryGrow(90)).toBe(false);
  first.release();
  // Waiting leases have precedence.
  expect(budget.open("body", "d").tryGrow(90)).toBe(false);
  await until("all have been served", () => order.length === 5);
  expect(order).toEqual(["a1 true", "b1 true", "c1 true", "a2 true", "a3 true"]);
});

test("a wait times out, and is counted as rejected", async () => {
  const budget = budgetOf(10, 10, { waitMs: 20 });
  takeException(budget);
  const late = budget.open("answer", "c");
  await expect(late.grow(5)).rejects.toMatchObject({ code: "OVERLOADED", retryAfterMs: 2000 });
  expect(budget.counts.answer).toEqual({ bytes: 0, waits: 1, rejections: 1 });
});

type Step = {
  readonly do: "grow" | "set" | "release" | "turn";
  readonly lease: number;
  readonly bytes: number;
};

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    do: fc.constantFrom(
      "grow" as const,
      "grow" as const,
      "set" as const,
      "release" as const,
      "turn" as const,
    ),
    lease: fc.nat(9),
    bytes: fc.nat(80),
  }),
  { maxLength: 80 },
);

test("after any sequence of events the budget returns to zero, and its bounds always hold", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(20), async (events, smallBytes) => {
      const budget = budgetOf(100, 40, { smallBytes });
      const leases: MemoryLease[] = [...Array(10).keys()].map((i) => budget.open("body", `client ${i % 3}`));
      const waiting = new Set<number>();
      /** Bytes that were set without a check, which no bound covers. */
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
        // The total, one largest item, and unchecked bytes.
        expect(budget.heldBytes()).toBeLessThanOrEqual(100 + Math.max(...held) + forced);
      }
      for (const lease of leases) lease.release();
      await new Promise(setImmediate);
      expect(budget.heldBytes()).toBe(0);
      expect(budget.counts.body.bytes).toBe(0);
      expect(budget.open("body", "client 0").tryGrow(25)).toBe(true);
      expect(budget.isShort()).toBe(false);
    }),
  );
});

test("no lease waits forever while others are opened and released", async () => {
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

test("the chunk that a waiting item holds beyond the pool does not keep it from being the exception", async () => {
  const budget = budgetOf(80, 80, { smallBytes: 5 });
  const exception = takeException(budget);
  budget.open("body", "b").set(60);
  // Items that were read before their connections were paused.
  const granted = ["c", "d"].map((name) => {
    const lease = budget.open("body", name);
    lease.set(5);
    return lease.grow(50).then(() => lease.release());
  });
  exception.release();
  await Promise.all(granted);
  expect(budget.heldBytes()).toBe(60);
});

test("one item continues if all items of a pool over its bound wait", async () => {
  const budget = budgetOf(80, 80);
  const exception = takeException(budget);
  const granted = ["a", "b", "c"].map((name) => {
    const lease = budget.open("body", name);
    lease.set(40);
    return lease.grow(50).then(() => lease.release());
  });
  exception.release();
  await Promise.all(granted);
  expect(budget.heldBytes()).toBe(0);
});

test("no further item becomes the exception while a large one that is complete exceeds the pool", async () => {
  const budget = budgetOf(80, 80);
  const exception = takeException(budget);
  const complete = budget.open("body", "a");
  complete.set(100);
  const waiting = budget.open("body", "b");
  waiting.set(40);
  const granted = waiting.grow(50);
  exception.release();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(budget.heldBytes()).toBe(140);
  complete.release();
  await granted;
});

test("memory that is released in the callback of a grant is granted to a client that was served before", async () => {
  const budget = budgetOf(100, 100);
  takeException(budget);
  const held = budget.open("body", "held");
  held.set(30);
  const granted: string[] = [];
  budget.open("body", "first").whenRoom(20, () => granted.push("first"));
  budget.open("body", "second").whenRoom(5, () => {
    granted.push("second");
    held.release();
  });
  await until("both are granted", () => granted.length === 2);
  expect(granted).toEqual(["second", "first"]);
});

test("sums of fractions return to zero exactly, also after waits", async () => {
  const budget = budgetOf(1000, 300);
  const leases = Array.from({ length: 20 }, (_, i) => budget.open("answer", `${i % 3}`));
  for (const lease of leases) {
    if (!lease.tryGrow(10.1)) lease.whenRoom(10.1, () => undefined);
    lease.tryGrow(0.2);
  }
  for (const [i, lease] of leases.entries()) lease.set(lease.bytes() / 3 + 0.1 * i);
  expect(budget.counts.answer.bytes).toBe(leases.reduce((sum, lease) => sum + lease.bytes(), 0));
  expect(leases.filter((lease) => !Number.isInteger(lease.bytes()))).toEqual([]);
  for (const lease of leases) lease.release();
  expect(budget.counts.answer.bytes).toBe(0);
  expect(budget.heldBytes()).toBe(0);
});

test("a lease that waits for more whenever it is granted some leaves the event loop to others", async () => {
  const budget = budgetOf(400, 50);
  const exception = takeException(budget);
  const held = budget.open("answer", "a");
  held.set(50);
  const lease = budget.open("answer", "a");
  let grants = 0;
  const more = () => {
    lease.set(0);
    if (grants++ < 10_000) lease.whenRoom(10, more);
  };
  lease.whenRoom(10, more);
  held.release();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(grants).toBeLessThan(4);
  await until("the lease is granted each time", () => grants === 10_001);
  lease.release();
  exception.release();
  expect(budget.heldBytes()).toBe(0);
});
