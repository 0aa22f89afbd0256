import fc from "fast-check";
import { expect, test } from "vitest";
import { createTokenBucket } from "../../../src/domain/scheduling/token-bucket.ts";

test("a full bucket holds one second of its rate, and accepts more as a debt", () => {
  let now = 0;
  const bucket = createTokenBucket(100, () => now);
  bucket.take(100);
  expect(bucket.waitMs()).toBe(0);
  bucket.take(1);
  expect(bucket.waitMs()).toBe(10);
  bucket.take(49);
  expect(bucket.waitMs()).toBe(500);
  now = 400;
  expect(bucket.waitMs()).toBe(100);
  now = 500;
  expect(bucket.waitMs()).toBe(0);
  now = 1e9;
  bucket.take(101);
  expect(bucket.waitMs()).toBe(10);
});

test("a client that waits as requested stays within the rate, one second's worth and the last message", () => {
  const amounts = fc.array(fc.record({ amount: fc.nat(1000), pause: fc.nat(300) }), { maxLength: 100 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), amounts, (rate, steps) => {
      let now = 0;
      let taken = 0;
      let last = 0;
      const bucket = createTokenBucket(rate, () => now);
      for (const { amount, pause } of steps) {
        now += pause + bucket.waitMs();
        bucket.take(amount);
        taken += amount;
        last = amount;
        // Waits are rounded up to whole milliseconds.
        expect(taken - last).toBeLessThanOrEqual(rate + (rate * now) / 1000 + 1e-6);
      }
    }),
  );
});
