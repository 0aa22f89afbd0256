import fc from "fast-check";
import { expect, test } from "vitest";
import { formatGrid, type Grid, panesOf, parseGrid } from "../../../console/workspace/grid.ts";

/** Any arrangement, whose panes are numbered in order. */
const shape = fc.letrec<{ grid: Grid; group: Grid; split: Grid }>((tie) => ({
  grid: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie("group"), tie("split")),
  group: fc.record({
    panes: fc.array(fc.constant(0), { minLength: 1, maxLength: 3 }),
    active: fc.constant(0),
    share: fc.integer({ min: 1, max: 1000 }),
  }),
  split: fc.record({
    direction: fc.constantFrom("h" as const, "v" as const),
    parts: fc.array(tie("grid"), { minLength: 1, maxLength: 3 }),
    share: fc.integer({ min: 1, max: 1000 }),
  }),
})).grid;

function numbered(grid: Grid, next = { pane: 0 }): Grid {
  if ("parts" in grid) return { ...grid, parts: grid.parts.map((part) => numbered(part, next)) };
  return { ...grid, panes: grid.panes.map(() => next.pane++), active: grid.panes.length - 1 };
}

test("property: an arrangement survives a link", () => {
  fc.assert(
    fc.property(shape, (one) => {
      const grid = numbered(one);
      expect(parseGrid(formatGrid(grid), panesOf(grid).length)).toEqual(grid);
    }),
  );
});

test.each([
  "",
  "0",
  "0*0",
  "0*1001",
  "h(0*500,0*500)*1000",
  "h(0*500,2*500)*1000",
  "h(0*500,1*500)*1000,",
  "h(0*500,1*500)",
  "x(0*500,1*500)*1000",
  "h(0*500,1*500)*1000<b>",
  `${"h(".repeat(20)}0.1*500${")*500".repeat(20)}`,
  "h(".repeat(5000),
])("ignores the invalid arrangement %j", (text) => {
  expect(parseGrid(text, 2)).toBeUndefined();
});
