import fc from "fast-check";
import { expect, test } from "vitest";
import { createPace } from "../../cli/schedule.ts";

test("no rate is no wait", () => {
  const pace = createPace(0, () => 5);
  expect([pace.nextInMs(), pace.nextInMs(), pace.nextInMs()]).toEqual([0, 0, 0]);
});

test("a small delay is made up for, a long one is not", () => {
  let ms = 0;
  const pace = createPace(10, () => ms);
  expect(pace.nextInMs()).toBe(0);
  ms = 30;
  expect(pace.nextInMs()).toBe(70);
  ms = 150;
  expect(pace.nextInMs()).toBe(50);
  ms = 1000;
  expect([pace.nextInMs(), pace.nextInMs(), pace.nextInMs()]).toEqual([0, 100, 200]);
});

test("property: whatever each takes, no more than the rate and two go in any time, and punctual ones keep the rate", () => {
  const fps = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(fps, fc.array(fc.double({ min: 0, max: 3, noNaN: true })), (rate, workInPeriods) => {
      let ms = 0;
      const periodMs = 1000 / rate;
      const pace = createPace(rate, () => ms);
      const sentAt: number[] = [];
      for (const work of workInPeriods) {
        ms += pace.nextInMs();
        sentAt.push(ms);
        ms += work * periodMs;
      }
      sentAt.forEach((from, first) => {
        sentAt.slice(first).forEach((to, more) => {
          expect(more).toBeLessThanOrEqual((to - from) / periodMs + 2);
        });
      });
      if (workInPeriods.every((work) => work <= 1)) {
        sentAt.forEach((at, n) => {
          expect(at).toBeCloseTo(n * periodMs, 3);
        });
      }
    }),
  );
});
