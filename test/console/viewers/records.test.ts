/** Filters of the table, levels of lines, and states over time. */
import { expect, test } from "vitest";
import { createPulledEntry } from "../../../client/reading/entry.ts";
import type { Scalar } from "../../../console/viewers/content.ts";
import { stateRows, valueAt } from "../../../console/viewers/states/segments.ts";
import { parseFilter } from "../../../console/viewers/table/filter.ts";
import { newestRows, tabSeparated } from "../../../console/viewers/table/rows.ts";
import { levelOf } from "../../../console/viewers/text/levels.ts";
import { newestLines } from "../../../console/viewers/text/lines.ts";

const entryOf = (timeMs: number, text: string, gap = false) =>
  createPulledEntry({ stream: "s", id: `${timeMs}-0`, data: new TextEncoder().encode(text) }, gap);

test.each([
  ["", true],
  ["speed>3", true],
  ["speed>3 state=ok", true],
  ["speed>3 state!=ok", false],
  ["speed<=2", false],
  ["missing=1", false],
  ["OK", true],
  ["armed=true", true],
  ["armed", false],
  ["speed=4", true],
  ["state>=n", true],
  ["=", false],
])("filter %j", (filter, isFound) => {
  const row = new Map<string, Scalar>([
    ["speed", 4],
    ["state", "ok"],
    ["armed", true],
  ]);
  expect(parseFilter(filter)(row)).toBe(isFound);
});

test.each([
  ['{"level":"warning","message":"x"}', "warn"],
  ['{"severity":"FATAL"}', "error"],
  ["12:00 ERROR something", "error"],
  ["an error in lower case is prose", ""],
  ["[DEBUG] x", "debug"],
])("level of %s", (text, level) => {
  expect(levelOf(entryOf(1, text), text)).toBe(level);
});

test("shows the newest lines that contain the filter, oldest first, and cuts long ones", () => {
  const entries = [
    entryOf(1, "one a"),
    entryOf(2, "two"),
    entryOf(3, "three A"),
    entryOf(4, `four a${"x".repeat(9999)}`),
  ];
  const lines = newestLines(entries, "a", false, 2);
  expect(lines.map(({ entry }) => entry.timeMs)).toEqual([3, 4]);
  expect(lines[1]?.text).toHaveLength(4000);
});

test("joins equal states, breaks at a gap, and leaves out measurements", () => {
  const entries = [
    entryOf(1, '{"mode":"idle","x":1}'),
    entryOf(2, '{"mode":"idle","x":2}'),
    entryOf(3, '{"mode":"drive","x":3}'),
    entryOf(4, '{"mode":"drive","x":4}', true),
    ...Array.from({ length: 8 }, (_, i) => entryOf(5 + i, JSON.stringify({ mode: "drive", x: 5 + i }))),
  ];
  expect(stateRows(entries)).toEqual([
    {
      field: "mode",
      segments: [
        { value: "idle", fromMs: 1, toMs: 3 },
        { value: "drive", fromMs: 3, toMs: 4 },
        { value: "drive", fromMs: 4, toMs: 12 },
      ],
    },
  ]);
});

test("returns the state at a moment, and none before the first entry", () => {
  const [row] = stateRows([entryOf(10, '{"mode":"idle"}'), entryOf(20, '{"mode":"drive"}')]);
  const at = (ms: number) => valueAt(row?.segments ?? [], ms);
  expect([at(9), at(10), at(19), at(20), at(99)]).toEqual([undefined, "idle", "idle", "drive", "drive"]);
});

test("copies rows for a spreadsheet: oldest first, one line each, and no formulas", () => {
  const rows = newestRows(
    [entryOf(1000, '{"x":-1,"note":"a\\tb\\nc"}'), entryOf(2000, '{"note":"=HYPERLINK(1)","y":true}')],
    "",
  );
  expect(tabSeparated(rows)).toBe(
    [
      "time\tid\tnote\ty\tx",
      "1970-01-01T00:00:01.000Z\t1000-0\ta b c\t\t-1",
      "1970-01-01T00:00:02.000Z\t2000-0\t'=HYPERLINK(1)\ttrue\t",
    ].join("\n"),
  );
  expect(tabSeparated([])).toBe("time\tid");
});
