/** Streams and lines of a plot in a link. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Layout } from "../../../console/workspace/layout.ts";
import {
  formatLayout,
  formatPanes,
  parseLayout,
  parsePanes,
} from "../../../console/workspace/layout-link.ts";

const text = fc.string({ minLength: 1, unit: "grapheme" });
const line = fc.record({ path: text, colour: fc.integer({ min: 0, max: 9 }), isRight: fc.boolean() });
const lines = fc.uniqueArray(line, { selector: ({ path }) => path, maxLength: 5 });

test("property: a link keeps the streams, lines, colours and axes of a plot", () => {
  const others = fc.uniqueArray(fc.oneof(fc.record({ key: text }), fc.record({ key: text, lines })), {
    selector: ({ key }) => key,
    maxLength: 7,
  });
  fc.assert(
    fc.property(text, lines, others, (key, own, added) => {
      const plotted = [{ key, lines: own }, ...added.filter((one) => one.key !== key)];
      const panes = [{ key, view: "plot" as const, plotted }];
      expect(parsePanes(`#${formatPanes(panes)}`)).toEqual(panes);
    }),
  );
});

test("a plot belongs to the stream before it, and other panes have none", () => {
  const [first, second] = parsePanes("#of=x&line=l0:y&open=a&line=l1:z&of=b&open=c&view=plot");
  expect(first).toEqual({
    key: "a",
    view: "auto",
    plotted: [{ key: "a", lines: [{ path: "z", colour: 1, isRight: false }] }, { key: "b" }],
  });
  expect(second).toEqual({ key: "c", view: "plot" });
});

test("ignores invalid lines, repeats, and more than eight streams", () => {
  for (const invalid of ["x", "l:x", "m0:x", "l0:", "l12:x"])
    expect(parsePanes(`#open=a&line=${invalid}`)).toEqual([{ key: "a", view: "auto" }]);
  expect(parsePanes("#open=a&line=l0:x&line=r1:x&of=")[0]?.plotted).toEqual([
    { key: "a", lines: [{ path: "x", colour: 0, isRight: false }] },
  ]);
  const many = Array.from({ length: 20 }, (_, n) => `of=s${n}`).join("&");
  expect(parsePanes(`#open=a&${many}`)[0]?.plotted).toHaveLength(8);
});

test("a change of a plot is reported, and keeps the arrangement and the viewer", () => {
  const links: string[] = [];
  const layout = new Layout(
    parseLayout("#open=a&view=plot&open=b&grid=h(0!*500,1!*500)*1000"),
    (stored) => void links.push(formatLayout(stored)),
  );
  layout.change("a", { plotted: [{ key: "a", lines: [] }, { key: "b" }] });
  expect(links).toEqual(["open=a&view=plot&line=&of=b&open=b&grid=h(0!*500,1!*500)*1000"]);
  layout.setView("a", "table");
  expect(layout.panes.value[0]?.plotted).toHaveLength(2);
});
