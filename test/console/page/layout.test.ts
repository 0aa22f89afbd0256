import fc from "fast-check";
import { expect, test } from "vitest";
import { formatPanes, parsePanes, VIEWS } from "../../../console/page/layout.ts";

test("property: restores open streams of any name from the URL", () => {
  const pane = fc.record({
    key: fc.string({ minLength: 1, unit: "grapheme" }),
    view: fc.constantFrom(...VIEWS),
  });
  fc.assert(
    fc.property(fc.uniqueArray(pane, { selector: ({ key }) => key }), (panes) => {
      expect(parsePanes(`#${formatPanes(panes)}`)).toEqual(panes);
    }),
  );
});

test("ignores invalid parts of a hand-written URL", () => {
  expect(parsePanes("#view=hex&open=a:b&view=picture&open=&open=c&open=a:b&view=text")).toEqual([
    { key: "a:b", view: "text" },
    { key: "c", view: "auto" },
  ]);
  expect(parsePanes("")).toEqual([]);
});
