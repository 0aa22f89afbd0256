/** Memory of a reader's entries: leased before they are read, until they are written. */
import { expect, test, vi } from "vitest";
import { createMemoryBudget } from "../../src/access/limits/memory-budget.ts";
import { ReadMemory } from "../../src/live/memory/read-memory.ts";

const budgetOf = (totalBytes: number) =>
  createMemoryBudget({ uses: ["answer"], totalBytes, shareBytes: totalBytes, smallBytes: 0, waitMs: 1000 });
/** One large item may exceed every bound; this one has that right. */
const fill = (budget: ReturnType<typeof budgetOf>, bytes: number) => {
  const lease = budget.open("answer", "other");
  lease.set(bytes);
  return lease;
};

test("leases entries while they are read, and while they are held", () => {
  const budget = budgetOf(1000);
  const memory = new ReadMemory(
    budget.open("answer", "worker"),
    { onRoom: () => undefined, onFreed: () => undefined },
    2,
  );
  expect(memory.reserve(100)).toBe(true);
  expect(budget.heldBytes()).toBe(200);
  memory.unreserve(100);
  const free = memory.hold(150);
  expect(budget.heldBytes()).toBe(300);
  free();
  expect(budget.heldBytes()).toBe(0);
});

test("waits for memory that others hold, and resumes once", async () => {
  const budget = budgetOf(1000);
  const other = fill(budget, 1_000_000);
  const onRoom = vi.fn();
  const memory = new ReadMemory(budget.open("answer", "worker"), { onRoom: onRoom, onFreed: onRoom }, 1);
  expect(memory.reserve(500)).toBe(false);
  expect(memory.reserve(500)).toBe(false);
  other.release();
  await vi.waitFor(() => expect(onRoom).toHaveBeenCalledOnce());
  expect(memory.reserve(500)).toBe(true);
  memory.unreserve(500);
  await vi.waitFor(() => expect(budget.heldBytes()).toBe(0));
});

test("resumes when entries that it holds leave room", () => {
  const budget = budgetOf(1000);
  const onRoom = vi.fn();
  const memory = new ReadMemory(budget.open("answer", "worker"), { onRoom: onRoom, onFreed: onRoom }, 1);
  const other = fill(budget, 1_000_000);
  const free = memory.hold(900);
  expect(memory.reserve(500)).toBe(false);
  free();
  expect(onRoom).toHaveBeenCalledOnce();
  other.release();
});

test("gives everything back at its end", () => {
  const budget = budgetOf(1000);
  const memory = new ReadMemory(
    budget.open("answer", "worker"),
    { onRoom: () => undefined, onFreed: () => undefined },
    1,
  );
  memory.hold(300);
  memory.release();
  expect(budget.heldBytes()).toBe(0);
});

test("a reader without room waits once, and keeps only what it uses", async () => {
  const budget = budgetOf(1000);
  const other = fill(budget, 1_000_000);
  const [onWait, onRoom] = [vi.fn(), vi.fn()];
  const memory = new ReadMemory(budget.open("answer", "reader"), { onWait, onRoom });
  expect(memory.reserve(500)).toBe(false);
  expect(memory.reserve(500)).toBe(false);
  expect(onWait).toHaveBeenCalledOnce();
  other.release();
  await vi.waitFor(() => expect(onRoom).toHaveBeenCalledOnce());
  await vi.waitFor(() => expect(budget.heldBytes()).toBe(0));
});
