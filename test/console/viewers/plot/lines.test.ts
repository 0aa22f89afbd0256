/** Lines of a plot: which ones are shown at first, and their statistics and labels. */
import { expect, test } from "vitest";
import { createPulledEntry } from "../../../../client/reading/entry.ts";
import { numberText } from "../../../../console/page/format.ts";
import { FieldWatch, isTimeField } from "../../../../console/viewers/plot/default-fields.ts";
import { lineFacts, rowAt, rowsIn } from "../../../../console/viewers/plot/line-facts.ts";

const NOW = 1_795_867_200_000;
const entryOf = (n: number, value: unknown) =>
  createPulledEntry(
    { stream: "s", id: `${NOW + n}-0`, data: new TextEncoder().encode(JSON.stringify(value)) },
    false,
  );

test("shows neither times, counters nor constants at first", () => {
  const watch = new FieldWatch();
  const entries = Array.from({ length: 10 }, (_, n) =>
    entryOf(n, { measured: (NOW + n) / 1000, seq: n, gain: 3, acc: { x: n, y: -n } }),
  );
  expect(watch.follow(entries)).toEqual(["measured", "seq", "gain", "acc.x", "acc.y"]);
  expect(watch.shown).toEqual(["acc.x", "acc.y"]);
});

test("shows a constant, and even a time, if there is nothing else", () => {
  const constant = new FieldWatch();
  constant.follow(Array.from({ length: 10 }, (_, n) => entryOf(n, { t: n, gain: 3 })));
  expect(constant.shown).toEqual(["gain"]);
  const time = new FieldWatch();
  time.follow([entryOf(0, { t: 1 })]);
  expect(time.shown).toEqual(["t"]);
});

test("recognizes a time by its name or its value in any unit", () => {
  for (const unit of [1e-3, 1, 1e3, 1e6]) expect(isTimeField("when", NOW * unit, NOW)).toBe(true);
  expect(isTimeField("header.stamp", 5, NOW)).toBe(true);
  expect(isTimeField("pressure", 101_325, NOW)).toBe(false);
});

test("computes the statistics of a line, and its value at the cursor", () => {
  const column = [1, null, 3, Number.NaN, 5];
  expect(lineFacts(column, undefined)).toEqual({ value: 5, min: 1, mean: 3, max: 5 });
  expect(lineFacts(column, 2).value).toBe(3);
  expect(lineFacts(column, 1).value).toBeUndefined();
  expect(lineFacts([null], undefined).mean).toBeUndefined();
});

test("computes the statistics of the rows of a range, and the value of any row", () => {
  const times = [1, 2, 3, 4, 5];
  const column = [1, 9, null, 3, 7];
  expect(rowsIn(times, [2, 4.5])).toEqual({ from: 1, to: 4 });
  expect(lineFacts(column, 0, rowsIn(times, [2, 4.5]))).toEqual({ value: 1, min: 3, mean: 6, max: 9 });
  expect(lineFacts(column, undefined, rowsIn(times, [2, 4.5])).value).toBe(7);
  expect(lineFacts(column, undefined, rowsIn(times, [5.5, 6]))).toEqual({
    value: 7,
    min: undefined,
    mean: undefined,
    max: undefined,
  });
});

test.each([
  [0, "0"],
  [1_795_867_200, "1795867200"],
  [1_795_867_200.5, "1795867200.500"],
  [0.123456789, "0.123457"],
  [1e-7, "1.000e-7"],
  [1.5e300, "1.500e+300"],
  [undefined, "–"],
])("formats %s", (value, text) => {
  expect(numberText(value)).toBe(text);
});

test("finds the row of a moment: the last one of its millisecond, or before it", () => {
  const times = [1, 2, 2.0005, 3];
  expect([rowAt(times, 0.5), rowAt(times, 1), rowAt(times, 2), rowAt(times, 2.5), rowAt(times, 9)]).toEqual([
    undefined,
    0,
    2,
    2,
    3,
  ]);
  expect(rowAt([], 1)).toBeUndefined();
});
