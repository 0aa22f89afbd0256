/** Calculations of the list and the viewers, without a page. */
import { expect, test } from "vitest";
import type { StreamInfo } from "../../client/catalog/catalog.ts";
import { createPulledEntry, type PulledEntry } from "../../client/reading/entry.ts";
import { sparkPath } from "../../console/page/sparkline.tsx";
import { compare } from "../../console/stream-list/listing.ts";
import { createPlotColumns } from "../../console/viewers/plot/plot-columns.ts";

const entry = (id: string, x: number, gap = false): PulledEntry =>
  createPulledEntry({ stream: "s", id, data: new TextEncoder().encode(JSON.stringify({ x })) }, gap);

test("plot columns follow a window that moves, steps back and has gaps", () => {
  const columns = createPlotColumns(["x"]);
  const [a, b, c, d, e] = [
    entry("1000-0", 1),
    entry("1000-1", 2),
    entry("2000-0", 3),
    entry("3000-0", 4),
    entry("9000-0", 5, true),
  ];
  expect(columns.follow([a, b, c])).toEqual([
    [1, 1.000001, 2],
    [1, 2, 3],
  ]);
  expect(columns.follow([b, c, d])).toEqual([
    [1.000001, 2, 3],
    [2, 3, 4],
  ]);
  expect(columns.follow([b, c])).toEqual([
    [1.000001, 2],
    [2, 3],
  ]);
  expect(columns.follow([c, d, e])[1]).toEqual([3, 4, null, 5]);
  expect(columns.follow([a])).toEqual([[1], [1]]);
  expect(columns.follow([])).toEqual([[], []]);
});

test("plot columns break the line where a device pauses, and not where it has become slower", () => {
  const columns = createPlotColumns(["x"]);
  const times = [
    0,
    100,
    200,
    300,
    5300,
    5400,
    5500,
    ...Array.from({ length: 40 }, (_, n) => 8500 + n * 3000),
  ];
  const [seconds, values] = columns.follow(times.map((ms, n) => entry(`${1_000_000 + ms}-0`, n)));
  expect(values?.slice(0, 8)).toEqual([0, 1, 2, 3, null, 4, 5, 6]);
  expect(seconds[4]).toBe(1002.8);
  expect(values?.slice(-30)).not.toContain(null);
  const slow = createPlotColumns(["x"]).follow([0, 10, 30, 45].map((s, n) => entry(`${s * 1000}-1`, n)));
  expect(slow[1]).toEqual([0, 1, 2, 3]);
});

const stream = (added: number, lastId: string, lastBytes: number): StreamInfo => ({
  key: "d:s",
  device: "d",
  stream: "s",
  length: added,
  added,
  firstId: "1-0",
  lastId,
  lastBytes,
  meta: {},
});

test("computes rates in entries and bytes between polls", () => {
  const [first] = compare([stream(10, "5-0", 100)], new Map(), 1);
  expect(first).toMatchObject({ rate: undefined, bytesRate: undefined, rates: [] });
  const known = new Map([["d:s", { info: stream(10, "5-0", 100), bytesPerEntry: 100, rates: [] }]]);
  const [second] = compare([stream(30, "9-0", 200)], known, 2);
  expect(second).toMatchObject({ rate: 10, bytesRate: 10 * 120, rates: [10] });
  // A stream that was deleted and created again has no rate yet, instead of a negative one.
  expect(compare([stream(1, "9-0", 1)], known, 2)[0]).toMatchObject({ rate: undefined });
  // Redis before 7 has no counter, but an unchanged last id means a rate of 0.
  const old = new Map([["d:s", { info: stream(0, "5-0", 100), bytesPerEntry: 100, rates: [] }]]);
  expect(compare([stream(0, "5-0", 100)], old, 1)[0]).toMatchObject({ rate: 0, bytesRate: 0 });
});

test("a sparkline ends at the right with its maximum at the top", () => {
  expect(sparkPath([0, 4, 2])).toBe("M60.7 17.0L62.4 1.0L64.0 9.0");
  expect([sparkPath([]), sparkPath([3]), sparkPath([0, 0])]).toEqual(["", "", ""]);
});
