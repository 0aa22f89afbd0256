import { expect, test } from "vitest";
import { ratioCell, times } from "../../bench/row.ts";

test("formats ratios of any size", () => {
  expect([0.4567, 2.345, 12.34, 99.96, 1234.5].map(times)).toEqual([
    "0.457 ×",
    "2.35 ×",
    "12.3 ×",
    "100 ×",
    "1,235 ×",
  ]);
});

test("formats the ratio of the medians with those of the rounds", () => {
  expect(ratioCell({ ratio: 2.345, ratios: { median: 2, min: 0.123, max: 268.4 } })).toBe(
    "2.35 × (0.12 to 268)",
  );
});
