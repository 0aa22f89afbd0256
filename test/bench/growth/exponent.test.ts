import { expect, test } from "vitest";
import { exponentOf, growthOf } from "../../../bench/growth/exponent.ts";

const quantities = [10, 100, 1000, 10_000];

test.each([0, 0.5, 1, 2])("finds the exponent %d", (exponent) => {
  const costs = quantities.map((quantity) => 3 * quantity ** exponent);
  expect(exponentOf(quantities, costs)).toBeCloseTo(exponent);
});

test("a linear cost with a constant part grows below linear", () => {
  const costs = quantities.map((quantity) => 1000 + quantity);
  expect(growthOf(exponentOf(quantities, costs))).toBe("below linear");
});

test("names the growth of an exponent", () => {
  expect([-0.3, 0.1, 0.11, 0.89, 0.9, 1.2].map(growthOf)).toEqual([
    "constant",
    "constant",
    "below linear",
    "below linear",
    "linear",
    "linear",
  ]);
});
