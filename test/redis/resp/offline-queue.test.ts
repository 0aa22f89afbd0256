import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createOfflineQueue } from "../../../src/redis/resp/offline-queue.ts";
import type { CommandWriter } from "../../../src/redis/resp/writer.ts";

const ping = (out: CommandWriter) => out.command(["PING"]);

/** A queue of names. */
function open(waitMs: number) {
  const expired: string[] = [];
  const queue = createOfflineQueue<string>(waitMs, (name) => expired.push(name));
  const taken = () => queue.take().map(({ done }) => done);
  return { queue, expired, taken };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("returns the commands in order, once", () => {
  const { queue, expired, taken } = open(1000);
  for (const name of ["a", "b", "c"]) queue.add(ping, name);
  expect(taken()).toEqual(["a", "b", "c"]);
  expect(taken()).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(expired).toEqual([]);
});

test("expires each command after its own time", async () => {
  const { queue, expired, taken } = open(1000);
  queue.add(ping, "early");
  await vi.advanceTimersByTimeAsync(600);
  queue.add(ping, "late");
  vi.advanceTimersByTime(300);
  expect(expired).toEqual([]);
  vi.advanceTimersByTime(200);
  expect(expired).toEqual(["early"]);
  expect(taken()).toEqual(["late"]);
});

test("expires the commands of one event-loop turn together", async () => {
  const { queue, expired, taken } = open(1000);
  queue.add(ping, "MULTI");
  vi.advanceTimersByTime(5);
  queue.add(ping, "EXEC");
  await Promise.resolve();
  queue.add(ping, "later");
  vi.advanceTimersByTime(995);
  expect(expired).toEqual(["MULTI", "EXEC"]);
  expect(taken()).toEqual(["later"]);
});

test("expires every command once, and its timer ends with the last one", () => {
  const { queue, expired } = open(1000);
  for (const name of ["a", "b"]) queue.add(ping, name);
  vi.advanceTimersByTime(5000);
  expect(expired).toEqual(["a", "b"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a command that is added while others expire waits for its own time", async () => {
  const expired: string[] = [];
  const queue = createOfflineQueue<string>(1000, (name) => {
    expired.push(name);
    if (name === "first") queue.add(ping, "second");
  });
  queue.add(ping, "first");
  await vi.advanceTimersByTimeAsync(1900);
  expect(expired).toEqual(["first"]);
  await vi.advanceTimersByTimeAsync(300);
  expect(expired).toEqual(["first", "second"]);
});
