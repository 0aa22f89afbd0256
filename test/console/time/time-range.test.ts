import { expect, test } from "vitest";
import {
  DENSITY_HINT,
  densityPath,
  densityText,
  fillOf,
  listedKeys,
  parseDensity,
} from "../../../console/time/density.ts";
import { parsePosition, shownRange } from "../../../console/time/time-range.ts";

const NOW = Date.UTC(2026, 10, 28, 12, 0, 0);

test.each([
  ["1795867200000", "1795867200000"],
  ["1795867200000-5", "1795867200000-5"],
  ["-30s", String(NOW - 30_000)],
  ["+2m", String(NOW + 120_000)],
  ["+1.5h", String(NOW + 5_400_000)],
  ["-250ms", String(NOW - 250)],
  ["13:05:20.5", String(Date.UTC(2026, 10, 28, 13, 5, 20, 500))],
  ["9:05", String(Date.UTC(2026, 10, 28, 9, 5))],
  ["2026-11-27", String(Date.UTC(2026, 10, 27))],
  ["2026-11-27 10:00", String(Date.UTC(2026, 10, 27, 10))],
  ["2026-11-27T10:00+02:00", String(Date.UTC(2026, 10, 27, 8))],
])("parses %s", (text, position) => {
  expect(parsePosition(text, NOW, true)).toBe(position);
});

test.each(["", "yesterday", "-30", "1-1", "2026-13-45", "<b>", "99999999999999999999d", "-999999d"])(
  "rejects %j",
  (text) => {
    expect(parsePosition(text, NOW, true)).toBeUndefined();
  },
);

test("a time of day is local unless UTC is selected", () => {
  expect(parsePosition("13:05", NOW, false)).toBe(String(new Date(NOW).setHours(13, 5, 0, 0)));
});

test("shows the end of the stored range, or the position in the middle", () => {
  const stored = { start: 0, end: 100_000 };
  expect(shownRange(stored, Number.POSITIVE_INFINITY, undefined)).toEqual(stored);
  expect(shownRange(stored, 10_000, undefined)).toEqual({ start: 90_000, end: 100_000 });
  expect(shownRange(stored, 10_000, 50_000)).toEqual({ start: 45_000, end: 55_000 });
  expect(shownRange(stored, 10_000, 1000)).toEqual({ start: 0, end: 10_000 });
});

test("requests the densities of streams of any name, and reads the response", () => {
  expect(densityPath(["a:b", "c+d"], 1, 9)).toContain("data/a%3Ab+c%2Bd/density?device_id=&pattern=0&");
  const response = {
    start: 0,
    end: 10,
    streams: [{ stream_id: "a", entries: [0, 5], gaps: [{ start: 0, end: 3 }] }, { stream_id: "b" }],
  };
  expect(parseDensity(response)?.streams).toEqual([
    { key: "a", entries: [0, 5], hasGap: true },
    { key: "b", entries: [], hasGap: false },
  ]);
  for (const other of [undefined, {}, { start: 3, end: 3, streams: [] }, { start: "0", end: 1, streams: [] }])
    expect(parseDensity(other)).toBeUndefined();
  const [none = 0, few = 0, many = 0] = fillOf([0, 1, 1000]);
  expect([none, many]).toEqual([0, 1]);
  expect(few).toBeGreaterThan(0.25);
  expect(few).toBeLessThan(0.5);
});

test("the strip has the open streams that are listed, at most eight", () => {
  const keysOf = (...names: readonly string[]) => names.map((key) => ({ key }));
  expect(listedKeys(keysOf("a", "forbidden", "b"), keysOf("b", "a", "c"))).toEqual(["a", "b"]);
  expect(listedKeys(keysOf("a"), undefined)).toEqual([]);
  const many = keysOf(...Array.from({ length: 20 }, (_, n) => `s${n}`));
  expect(listedKeys(many, many)).toHaveLength(8);
});

test("a tooltip has the stream and the entries of the bucket under the pointer, and explains the colour", () => {
  const start = Date.UTC(2026, 0, 2, 13, 5, 20);
  const density = {
    start,
    end: start + 10_000,
    streams: [
      { key: "rover:imu", entries: [1, 2000, 0, 5], hasGap: false },
      { key: "rover:log", entries: [0, 0, 0, 1], hasGap: true },
    ],
  };
  const textAt = (x: number, y: number, range = { start, end: start + 10_000 }) =>
    densityText(density, range, { x, y }, true).split("\n");
  expect(textAt(0.3, 0.4)).toEqual([
    "rover:imu: 2,000 entries in 2.5 s from 2026-01-02 13:05:22.500",
    DENSITY_HINT,
  ]);
  expect(textAt(0.99, 0.6)).toEqual([
    "rover:log: 1 entry in 2.5 s from 2026-01-02 13:05:27.500",
    DENSITY_HINT,
    "Red: earlier entries were trimmed.",
  ]);
  const short = { ...density, end: start + 160 };
  expect(densityText(short, { start, end: start + 160 }, { x: 0, y: 0 }, true)).toContain("1 entry in 40 ms");
  // The range moves on while the density is read again.
  expect(textAt(0, 0, { start: start + 5000, end: start + 15_000 })[0]).toContain("rover:imu: 0 entries");
  expect(textAt(1, 0)).toEqual([DENSITY_HINT]);
  expect(densityText(undefined, undefined, { x: 0, y: 0 }, true)).toBe(DENSITY_HINT);
});
