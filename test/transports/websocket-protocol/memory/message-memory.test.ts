import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createMemoryBudget,
  type MemoryBudget,
  type MemoryLease,
} from "../../../../src/access/limits/memory-budget.ts";
import { Uploads } from "../../../../src/access/limits/upload-memory.ts";
import { MessageMemory } from "../../../../src/transports/websocket-protocol/memory/message-memory.ts";
import { until } from "../../../support/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

let budget: MemoryBudget<"message">;
let uploads: Uploads;
let events: string[];
let memory: MessageMemory;

beforeEach(() => {
  budget = createMemoryBudget({
    uses: ["message"],
    totalBytes: 8 * MIB,
    shareBytes: 8 * MIB,
    smallBytes: 256 * KIB,
    waitMs: 60_000,
  });
  uploads = new Uploads(budget.isShort, () => undefined);
  events = [];
  memory = openMemory();
});
afterEach(() => {
  memory.release();
  vi.useRealTimers();
});

const openMemory = (): MessageMemory =>
  new MessageMemory(() => budget.open("message", "a"), uploads, {
    wait: () => void events.push("wait"),
    goOn: () => void events.push("go on"),
    isPaused: () => events.at(-1) === "wait",
    reject: () => void events.push("reject"),
  });

/** Takes all memory, so that nothing more can be reserved. */
function fill(): MemoryLease {
  const lease = budget.open("message", "other");
  expect(lease.tryGrow(60 * MIB)).toBe(true);
  budget.open("message", "third").set(6 * MIB);
  return lease;
}

test("reserves little for a large message of which little arrived", () => {
  memory.hold(1, 60 * MIB);
  expect(budget.heldBytes()).toBeLessThan(MIB);
  expect(events).toEqual([]);
});

test("reserves a large message before it is complete, and returns it when it is handled", () => {
  for (let bytes = 64 * KIB; bytes <= 60 * MIB; bytes += 64 * KIB) memory.hold(bytes, 60 * MIB);
  expect(budget.heldBytes()).toBe(60 * MIB);
  memory.hold(0, 0);
  expect(budget.heldBytes()).toBe(0);
  expect(events).toEqual([]);
});

test("waits without memory, and continues when there is some", async () => {
  const filling = fill();
  memory.hold(64 * KIB, MIB);
  memory.hold(128 * KIB, MIB);
  expect(events).toEqual(["wait"]);
  filling.release();
  await until("it continues", () => events.length === 2);
  expect(events).toEqual(["wait", "go on"]);
});

describe("while other clients use up the memory for large items", () => {
  beforeEach(fill);

  test("a small message in several chunks is received without a wait", () => {
    for (let bytes = 4 * KIB; bytes <= 48 * KIB; bytes += 4 * KIB) memory.hold(bytes, 48 * KIB);
    expect(budget.heldBytes()).toBe(66 * MIB + 48 * KIB);
    expect(events).toEqual([]);
  });

  test("so is one in many frames, with few reservations", () => {
    const sizes = new Set<number>();
    for (let bytes = 1; bytes <= 30 * KIB; bytes++) {
      memory.hold(bytes, bytes);
      sizes.add(budget.heldBytes());
    }
    expect(events).toEqual([]);
    expect(sizes.size).toBeLessThan(10);
  });
});

describe("a message that ends while it waits", () => {
  test("gives up its wait, so that nothing is reserved for it later", async () => {
    const filling = fill();
    memory.hold(64 * KIB, MIB);
    memory.hold(0, 0);
    expect(events).toEqual(["wait", "go on"]);
    expect(budget.isShort()).toBe(false);
    filling.release();
    await until("the rest is free", () => budget.heldBytes() === 6 * MIB);
    memory.hold(64 * KIB, MIB);
    expect(budget.heldBytes()).toBe(6 * MIB + 512 * KIB);
  });

  test("is not read any more after the socket has closed", () => {
    fill();
    memory.hold(64 * KIB, MIB);
    memory.release();
    expect(budget.isShort()).toBe(false);
    memory.hold(128 * KIB, MIB);
    memory.hold(0, 0);
    expect(events).toEqual(["wait"]);
  });
});

describe("a message that stalls", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  });

  test("is rejected while another one waits", () => {
    memory.hold(64 * KIB, MIB);
    fill();
    openMemory().hold(64 * KIB, MIB);
    expect(events).toEqual(["wait"]);
    events = [];
    vi.advanceTimersByTime(5000);
    expect(events).toEqual(["reject"]);
  });

  test("is kept if no other one waits", () => {
    memory.hold(64 * KIB, MIB);
    vi.advanceTimersByTime(100_000);
    expect(events).toEqual([]);
  });

  test("is not rejected after it is complete", () => {
    memory.hold(MIB, MIB);
    memory.hold(0, 0);
    fill();
    openMemory().hold(64 * KIB, MIB);
    vi.advanceTimersByTime(100_000);
    expect(events).toEqual(["wait"]);
  });
});
