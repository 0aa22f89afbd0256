import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, DEFAULT_BACKOFF } from "../../../src/domain/scheduling/backoff.ts";

test("doubles the delay up to the limit", () => {
  const bounds = [0, 1, 2, 3, 4, 5, 6].map((failures) => backoffMs(failures, 1, DEFAULT_BACKOFF));
  expect(bounds).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test("property: keeps each delay between half of its limit and the limit, for any number of failures", () => {
  const backoff = fc
    .tuple(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 0, max: 100_000 }))
    .map(([firstMs, more]) => ({ firstMs, maxMs: firstMs + more }));
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.nat(), random, backoff, (failures, chance, bounds) => {
      const ms = backoffMs(failures, chance, bounds);
      const bound = Math.min(bounds.maxMs, bounds.firstMs * 2 ** failures);
      expect(ms).toBeGreaterThanOrEqual(bound / 2);
      expect(ms).toBeLessThanOrEqual(bound);
    }),
  );
});
