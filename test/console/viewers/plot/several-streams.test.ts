/** Lines of several streams in one plot: their colours, axes, and common rows. */
import { expect, test } from "vitest";
import { lineFacts } from "../../../../console/viewers/plot/line-facts.ts";
import { mergeColumns, sharedStart } from "../../../../console/viewers/plot/merge-columns.ts";
import {
  chosenOf,
  LineColours,
  type PlotStream,
  withLine,
  withOtherAxis,
} from "../../../../console/viewers/plot/plot-lines.ts";
import { axisUnits } from "../../../../console/viewers/plot/units.ts";

const imu: PlotStream = { key: "imu", fields: ["x", "y", "z"], defaults: ["x", "y"] };
const gps: PlotStream = { key: "gps", fields: ["speed"], defaults: ["speed"] };

const coloursOf = (streams: readonly PlotStream[], colours = new LineColours()) =>
  Object.fromEntries(colours.linesOf(streams).map(({ path, colour }) => [path, colour]));

test("each line has a colour of its own; chosen lines keep theirs", () => {
  expect(coloursOf([imu, gps])).toEqual({ x: 0, y: 1, speed: 2 });
  const chosen = { ...gps, lines: [{ path: "speed", colour: 0, isRight: true }] };
  expect(coloursOf([imu, chosen])).toEqual({ x: 1, y: 2, speed: 0 });
});

test("a line that is hidden and shown again has its colour again", () => {
  const colours = new LineColours();
  const shown = colours.linesOf([imu, gps]);
  const without = withLine(chosenOf([imu, gps], shown), "imu", { path: "x", colour: 0, isRight: false });
  const streams = [imu, gps].map((stream, i) => ({ ...stream, ...without[i] }));
  expect(coloursOf(streams, colours)).toEqual({ y: 1, speed: 2 });
  expect(colours.colourOf("imu", "x", colours.linesOf(streams))).toBe(0);
  expect(colours.colourOf("imu", "z", colours.linesOf(streams))).toBe(0);
});

test("the lines of a stream stay as they are when another stream is added", () => {
  const shown = new LineColours().linesOf([imu]);
  const plotted = [...chosenOf([imu], shown), { key: "gps" }];
  expect(plotted).toEqual([
    {
      key: "imu",
      lines: [
        { path: "x", colour: 0, isRight: false },
        { path: "y", colour: 1, isRight: false },
      ],
    },
    { key: "gps" },
  ]);
  // The lines of a stream without entries are not known yet.
  expect(chosenOf([{ key: "late", fields: [], defaults: [] }], [])).toEqual([{ key: "late" }]);
});

test("more lines than colours share the least used ones", () => {
  const fields = Array.from({ length: 20 }, (_, n) => `f${n}`);
  const used = Object.values(coloursOf([{ key: "a", fields, defaults: fields }]));
  expect(Math.max(...used)).toBe(7);
  for (let colour = 0; colour < 8; colour++)
    expect(used.filter((one) => one === colour).length).toBeGreaterThanOrEqual(2);
});

test("moves a line to the other axis; each axis has the units of its lines", () => {
  const shown = new LineColours().linesOf([imu, gps]);
  const plotted = withOtherAxis(chosenOf([imu, gps], shown), "gps", "speed");
  const lines = plotted.flatMap(({ key, lines: own = [] }) => own.map((line) => ({ ...line, key })));
  expect(lines.find(({ path }) => path === "speed")?.isRight).toBe(true);
  const metas: Readonly<Record<string, unknown>> = {
    imu: { units: "m/s²" },
    gps: { units: { speed: "m/s" } },
  };
  expect(axisUnits(lines, (key) => metas[key])).toEqual(["m/s²", "m/s"]);
  expect(axisUnits(shown, (key) => metas[key])).toEqual(["m/s², m/s", ""]);
  expect(axisUnits(lines, () => undefined)).toEqual(["", ""]);
});

test("merges columns by time; a row of another stream is no gap", () => {
  const merged = mergeColumns(
    [
      [
        [1, 2, 3],
        [10, null, 30],
      ],
      [
        [2, 2.5],
        [5, 6],
        [7, 8],
      ],
      [[], []],
    ],
    0,
  );
  expect(merged).toEqual([
    [1, 2, 2.5, 3],
    [10, null, undefined, 30],
    [undefined, 5, 6, undefined],
    [undefined, 7, 8, undefined],
    [undefined, undefined, undefined, undefined],
  ]);
  expect(
    mergeColumns(
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
      2,
    ),
  ).toEqual([
    [2, 3],
    [5, 6],
  ]);
});

test("the value at the cursor is the last one of the line, unless there is a gap", () => {
  const column = [undefined, 10, undefined, null, undefined, 30, undefined];
  const valueAt = (row: number) => lineFacts(column, row).value;
  expect([0, 1, 2, 3, 4, 5, 6].map(valueAt)).toEqual([undefined, 10, 10, undefined, undefined, 30, 30]);
  expect(valueAt(100)).toBe(30);
  expect(lineFacts(column, undefined)).toEqual({ value: 30, min: 10, mean: 20, max: 30 });
});

test("several streams are shown over the seconds that all have, and at least ten", () => {
  const dense = [Array.from({ length: 400 }, (_, n) => 960 + n / 10)] as const;
  const sparse = [[0, 500, 1000]] as const;
  expect(sharedStart([dense, sparse])).toBe(960);
  expect(sharedStart([[[998, 999]], sparse])).toBe(990);
  expect(sharedStart([[[]], sparse])).toBe(0);
});
