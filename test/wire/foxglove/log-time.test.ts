import fc from "fast-check";
import { expect, test } from "vitest";
import { compareIds, type EntryId, idOf } from "../../../src/domain/streams/entry-id.ts";
import {
  idOfLogTime,
  isExactLogTime,
  LAST_LOG_TIME,
  logTimeOf,
  secondsOf,
} from "../../../src/wire/foxglove/log-time.ts";
import { anyId } from "../../support/data/arbitraries.ts";

test.each([
  ["1764378000123-0", 1_764_378_000_123_000_000n, 1_764_378_000, 123_000_000],
  ["1764378000123-7", 1_764_378_000_123_000_007n, 1_764_378_000, 123_000_007],
  ["5-999999", 5_999_999n, 0, 5_999_999],
  ["5-1000000", 5_999_999n, 0, 5_999_999],
  ["18446744073708-999999", 18_446_744_073_708_999_999n, 18_446_744_073, 708_999_999],
  ["18446744073709-0", LAST_LOG_TIME, 18_446_744_073, 709_551_615],
  ["18446744073709551615-0", LAST_LOG_TIME, 18_446_744_073, 709_551_615],
])("%s has the log time %s ns", (id, ns, seconds, nanos) => {
  expect(logTimeOf(id as EntryId)).toBe(ns);
  expect(secondsOf(id as EntryId)).toEqual({ seconds, nanos });
});

test("restores the id, if its sequence is below a million", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 18_446_744_073_708n), fc.bigInt(0n, 999_999n), (ms, seq) => {
      expect(idOfLogTime(logTimeOf(idOf(ms, seq)))).toBe(idOf(ms, seq));
      expect(isExactLogTime(idOf(ms, seq))).toBe(true);
    }),
  );
  expect(isExactLogTime("5-1000000" as EntryId)).toBe(false);
  expect(isExactLogTime("18446744073710-0" as EntryId)).toBe(false);
});

test("never decreases with the id, and fits in 64 bits", () => {
  fc.assert(
    fc.property(anyId, anyId, (a, b) => {
      const [earlier, later] = compareIds(a, b) <= 0 ? [a, b] : [b, a];
      expect(logTimeOf(earlier)).toBeLessThanOrEqual(logTimeOf(later));
      expect(logTimeOf(later)).toBeLessThanOrEqual(LAST_LOG_TIME);
    }),
  );
});
