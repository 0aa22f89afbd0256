import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sleep } from "../../../src/domain/scheduling/sleep.ts";
import { within } from "../../../src/domain/scheduling/timeout.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("within returns the value of a promise that resolves in time, and leaves no timer", async () => {
  await expect(within(1000, Promise.resolve("value"))).resolves.toBe("value");
  expect(vi.getTimerCount()).toBe(0);
});

test("within throws the error of a promise that rejects in time, and leaves no timer", async () => {
  await expect(within(1000, Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(vi.getTimerCount()).toBe(0);
});

test("within returns undefined after the time, and ignores a later error", async () => {
  let reject: (error: Error) => void = () => undefined;
  const late = new Promise<string>((_, no) => {
    reject = no;
  });
  const result = within(1000, late);
  await vi.advanceTimersByTimeAsync(1000);
  await expect(result).resolves.toBeUndefined();
  reject(new Error("too late"));
  await vi.advanceTimersByTimeAsync(0);
});

test("sleep resolves after the time, and rejects with the reason of its signal", async () => {
  const slept = sleep(1000);
  await vi.advanceTimersByTimeAsync(1000);
  await slept;
  const controller = new AbortController();
  const aborted = sleep(1000, controller.signal);
  controller.abort(new Error("stopped"));
  await expect(aborted).rejects.toThrow("stopped");
  await expect(sleep(1000, controller.signal)).rejects.toThrow("stopped");
  expect(vi.getTimerCount()).toBe(0);
});
