import { effect } from "@preact/signals";
import fc from "fast-check";
import { expect, test } from "vitest";
import { VIEWERS, viewerOf } from "../../../console/viewers/viewers.ts";
import { Layout } from "../../../console/workspace/layout.ts";
import {
  formatLayout,
  formatPanes,
  parseLayout,
  parsePanes,
  parseTime,
} from "../../../console/workspace/layout-link.ts";

test("property: restores open streams of any name from the URL", () => {
  const pane = fc.record({
    key: fc.string({ minLength: 1, unit: "grapheme" }),
    view: fc.constantFrom("auto", ...VIEWERS.map(({ id }) => id)),
  });
  fc.assert(
    fc.property(fc.uniqueArray(pane, { selector: ({ key }) => key }), (panes) => {
      expect(parsePanes(`#${formatPanes(panes)}`)).toEqual(panes);
    }),
  );
});

test("ignores invalid parts of a hand-written URL", () => {
  expect(parsePanes("#view=table&open=a:b&view=picture&open=&open=c&open=a:b&view=text")).toEqual([
    { key: "a:b", view: "text" },
    { key: "c", view: "auto" },
  ]);
  expect(parsePanes("")).toEqual([]);
  // A link of a later version may name a viewer that this console lacks.
  expect(parsePanes("#open=a&view=hologram")[0]?.view).toBe("hologram");
  expect(viewerOf("hologram")).toBeUndefined();
  for (const invalid of ["constructor()", "<b>", "x".repeat(21)])
    expect(parsePanes(`#open=a&view=${invalid}`)[0]?.view).toBe("auto");
});

test("links of earlier versions open the viewers that replaced theirs", () => {
  expect(parsePanes("#open=a&view=hex&open=b&view=msgpack").map(({ view }) => view)).toEqual(["raw", "text"]);
});

test("a link keeps panels, panes and their arrangement", () => {
  const link = "show=events&open=a%3Ab&view=plot&open=c&grid=h(0!*300,v(1!.2*500)*700)*1000";
  expect(formatLayout(parseLayout(`#${link}`))).toBe(link);
  // An arrangement of other panes is ignored.
  expect(parseLayout("#open=a&view=auto&open=b&view=auto&grid=h(0*500,2*500)*1000").grid).toBeUndefined();
});

test("a link has the shown moment of the past; other texts are ignored", () => {
  const layout = parseLayout("#open=a&view=auto&t=5000-3");
  expect(formatLayout(layout, parseTime("#open=a&t=5000-3"))).toBe("open=a&t=5000-3");
  expect(formatLayout(parseLayout(""), "5000")).toBe("");
  for (const other of ["#", "#t=", "#t=-1", "#t=now", "#t=<b>", `#t=${"9".repeat(40)}`])
    expect(parseTime(other)).toBeUndefined();
});

test("a link keeps the rotation, the overlays and the own moment of a pane; invalid ones are ignored", () => {
  const link = "open=a&turn=270&boxes=b&boxes=c&at=5000-3&open=d&boxes=&at=live";
  expect(parsePanes(`#${link}`)).toEqual([
    { key: "a", view: "auto", turns: 3, overlays: ["b", "c"], moment: "5000-3" },
    { key: "d", view: "auto", overlays: [], moment: "live" },
  ]);
  expect(formatPanes(parsePanes(`#${link}`))).toBe(link);
  expect(parsePanes("#open=a&turn=45&turn=<b>&at=tomorrow")).toEqual([{ key: "a", view: "auto" }]);
  const many = Array.from({ length: 20 }, (_, n) => `boxes=s${n}`).join("&");
  expect(parsePanes(`#open=a&${many}`)[0]?.overlays).toHaveLength(8);
});

test("a change of a pane is reported, and undefined restores its default", () => {
  const links: string[] = [];
  const layout = new Layout(
    parseLayout("#open=a&open=b&grid=h(0!*500,1!*500)*1000"),
    (stored) => void links.push(formatLayout(stored)),
  );
  layout.change("a", { turns: 1, moment: "live" });
  layout.change("a", { moment: undefined });
  expect(links).toEqual([
    "open=a&turn=90&at=live&open=b&grid=h(0!*500,1!*500)*1000",
    "open=a&turn=90&open=b&grid=h(0!*500,1!*500)*1000",
  ]);
  expect(layout.paneOf("a")).toEqual({ key: "a", view: "auto", turns: 1 });
  expect(layout.paneOf("c")).toBeUndefined();
});

test("opens, selects and closes panes, and reports each change", () => {
  const links: string[] = [];
  const layout = new Layout({ panels: [], panes: [], grid: undefined }, (stored) =>
    links.push(formatLayout(stored)),
  );
  layout.openStream("a");
  layout.openStream("b");
  layout.openStream("a");
  expect(layout.panes.value.map(({ key }) => key)).toEqual(["a", "b"]);
  expect(layout.selectedKey.value).toBe("a");
  layout.setView("b", "raw");
  layout.toggle("events");
  expect(links.at(-1)).toBe("show=events&open=a&open=b&view=raw");
  expect(layout.selectedKey.value).toBeUndefined();
  layout.close("stream a");
  layout.toggle("events");
  expect(links.at(-1)).toBe("open=b&view=raw");
  expect(layout.selectedKey.value).toBe("b");
  layout.close("stream b");
  expect(links.at(-1)).toBe("");
});

test("a followed link replaces panes and arrangement at once", () => {
  const layout = new Layout({ panels: [], panes: [], grid: undefined }, () => undefined);
  const seen: (readonly [number, boolean])[] = [];
  effect(() => {
    seen.push([layout.panes.value.length, layout.placed.value.grid !== undefined]);
  });
  layout.replace(parseLayout("#open=a&open=b&grid=h(0*500,1*500)*1000"));
  expect(seen).toEqual([
    [0, false],
    [2, true],
  ]);
});

test("panes that the user selects are reported, and a followed link is not", () => {
  const reported: string[] = [];
  const layout = new Layout(parseLayout(""), (stored) => reported.push(formatLayout(stored, undefined)));
  layout.replace(parseLayout("#open=a"));
  expect(reported).toEqual([]);
  layout.openOnly(["b"]);
  layout.show(parseLayout("#open=c&view=raw"));
  expect(reported).toEqual(["open=b", "open=c&view=raw"]);
});

test("an arrangement is established again for the panes that are open", () => {
  const layout = new Layout(parseLayout("#open=a&open=b"), () => undefined);
  let count = 0;
  const stop = effect(() => {
    layout.placed.value;
    count++;
  });
  layout.openStream("c");
  layout.arranged(undefined);
  expect(count).toBe(1);
  layout.replace(layout.stored);
  layout.replace(layout.stored);
  expect(count).toBe(3);
  stop();
});
