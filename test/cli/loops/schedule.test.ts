import fc from "fast-check";
import { expect, test } from "vitest";
import { createSchedule } from "../../../cli/loops/schedule.ts";

test("does not wait without a rate", () => {
  const schedule = createSchedule(0, () => 5);
  expect([schedule.nextDelayMs(), schedule.nextDelayMs(), schedule.nextDelayMs()]).toEqual([0, 0, 0]);
});

test("makes up for a short delay but not for a long one", () => {
  let ms = 0;
  const schedule = createSchedule(10, () => ms);
  expect(schedule.nextDelayMs()).toBe(0);
  ms = 30;
  expect(schedule.nextDelayMs()).toBe(70);
  ms = 150;
  expect(schedule.nextDelayMs()).toBe(50);
  ms = 1000;
  expect([schedule.nextDelayMs(), schedule.nextDelayMs(), schedule.nextDelayMs()]).toEqual([0, 100, 200]);
});

test("property: never exceeds the rate by more than two entries, and keeps the rate of a punctual caller", () => {
  const fps = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(fps, fc.array(fc.double({ min: 0, max: 3, noNaN: true })), (rate, workInPeriods) => {
      let ms = 0;
      const periodMs = 1000 / rate;
      const schedule = createSchedule(rate, () => ms);
      const sentAt: number[] = [];
      for (const work of workInPeriods) {
        ms += schedule.nextDelayMs();
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
