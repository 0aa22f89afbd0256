import { expect, test } from "vitest";
import { sharePage } from "../../../../src/transports/http/routes/shared-page.ts";
import { eventLoopTurns } from "../../../support/until.ts";

/** A page whose computations the test completes. */
function slowPage() {
  const ends: (() => void)[] = [];
  let begun = 0;
  const page = sharePage(() => {
    const number = ++begun;
    return new Promise<number>((resolve) => ends.push(() => resolve(number)));
  });
  return { page, begun: () => begun, end: () => ends.shift()?.() };
}

test("is computed once for all requests before the computation starts", async () => {
  const { page, begun, end } = slowPage();
  const pages = Array.from({ length: 200 }, () => page());
  await eventLoopTurns(1);
  expect(begun()).toBe(1);
  end();
  expect(new Set(await Promise.all(pages))).toEqual(new Set([1]));
});

test("is computed again for requests after the start, one computation at a time", async () => {
  const { page, begun, end } = slowPage();
  const first = page();
  await eventLoopTurns(1);
  const later = [page(), page()];
  await eventLoopTurns(1);
  expect(begun()).toBe(1);
  end();
  expect(await first).toBe(1);
  await expect.poll(begun, { timeout: 60_000 }).toBe(2);
  end();
  expect(await Promise.all(later)).toEqual([2, 2]);
});

test("is computed again after a failure", async () => {
  let calls = 0;
  const page = sharePage(async () => {
    if (++calls === 1) throw new Error("failed");
    return calls;
  });
  await expect(page()).rejects.toThrow("failed");
  expect(await page()).toBe(2);
});
