import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareIds,
  type EntryId,
  FIRST_ID,
  idAfter,
  idAtTime,
  idBefore,
  idOf,
  LAST_ID,
  laterId,
  parseId,
  timeOfId,
} from "../../../src/domain/streams/entry-id.ts";
import { anyId, idPart } from "../../support/data/arbitraries.ts";

const MAX = "18446744073709551615";
const id = (text: string) => text as EntryId;

/** Model of ids as BigInt, which the code under test is compared with. */
const numbers = (one: EntryId): [bigint, bigint] => {
  const [ms = "", seq = ""] = one.split("-");
  return [BigInt(ms), BigInt(seq)];
};
const asOneNumber = (one: EntryId): bigint => {
  const [ms, seq] = numbers(one);
  return ms * 2n ** 64n + seq;
};

describe("compareIds", () => {
  test.each([
    ["9-0", "10-0"],
    ["10-0", "10-1"],
    ["1-9", "1-10"],
    ["99-99", "100-0"],
    ["0-0", "0-1"],
    ["0-18446744073709551615", "1-0"],
    ["9007199254740992-0", "9007199254740993-0"],
    ["1-9007199254740992", "1-9007199254740993"],
    ["18446744073709551614-0", "18446744073709551615-0"],
    [`${MAX}-18446744073709551614`, `${MAX}-${MAX}`],
    ["1526919030474-55", "1526919030475-0"],
  ])("%s is before %s", (before, after) => {
    expect(compareIds(id(before), id(after))).toBeLessThan(0);
    expect(compareIds(id(after), id(before))).toBeGreaterThan(0);
    expect(laterId(id(before), id(after))).toBe(after);
    expect(laterId(id(after), id(before))).toBe(after);
  });

  test("returns 0 for an id and itself", () => {
    for (const same of ["0-0", "1-1", `${MAX}-${MAX}`]) expect(compareIds(id(same), id(same))).toBe(0);
  });

  test("property: orders ids like two 64-bit numbers, milliseconds before sequence", () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        const difference = asOneNumber(a) - asOneNumber(b);
        expect(Math.sign(compareIds(a, b))).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("property: orders ids with equal milliseconds by sequence", () => {
    fc.assert(
      fc.property(idPart, idPart, idPart, (ms, x, y) => {
        expect(Math.sign(compareIds(idOf(ms, x), idOf(ms, y)))).toBe(x < y ? -1 : x > y ? 1 : 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("property: sorts like numbers", () => {
    const byNumber = (a: EntryId, b: EntryId) => (asOneNumber(a) < asOneNumber(b) ? -1 : 1);
    fc.assert(
      fc.property(fc.uniqueArray(anyId, { maxLength: 30 }), (ids) => {
        expect([...ids].sort(compareIds)).toEqual([...ids].sort(byNumber));
      }),
    );
  });
});

describe("idAfter and idBefore", () => {
  test.each([
    ["0-0", "0-1"],
    ["0-1", "0-2"],
    ["9-9", "9-10"],
    ["5-9007199254740992", "5-9007199254740993"],
    [`5-${MAX}`, "6-0"],
    [`9-${MAX}`, "10-0"],
    [`9007199254740992-${MAX}`, "9007199254740993-0"],
    [`${MAX}-18446744073709551614`, `${MAX}-${MAX}`],
  ])("the id after %s is %s, and the id before that is the first", (before, after) => {
    expect(idAfter(id(before))).toBe(after);
    expect(idBefore(id(after))).toBe(before);
  });

  test("return undefined after the greatest id and before 0-0", () => {
    expect(idAfter(LAST_ID)).toBeUndefined();
    expect(idBefore(FIRST_ID)).toBeUndefined();
  });

  test("property: are inverse, with no id in between", () => {
    fc.assert(
      fc.property(anyId, (one) => {
        const after = idAfter(one);
        const before = idBefore(one);
        if (after === undefined) expect(one).toBe(LAST_ID);
        else {
          expect(idBefore(after)).toBe(one);
          expect(asOneNumber(after) - asOneNumber(one)).toBe(1n);
        }
        if (before === undefined) expect(one).toBe(FIRST_ID);
        else expect(idAfter(before)).toBe(one);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parseId", () => {
  test.each([
    ["0", "0-0"],
    ["0-0", "0-0"],
    ["7", "7-0"],
    ["7-3", "7-3"],
    ["1526919030474-55", "1526919030474-55"],
    ["007-003", "7-3"],
    ["000", "0-0"],
    ["0000000000000000000000000000000000000001-0", "1-0"],
    [MAX, `${MAX}-0`],
    [`${MAX}-${MAX}`, `${MAX}-${MAX}`],
  ])("%s is %s", (text, parsed) => {
    expect(parseId(text)).toBe(parsed);
  });

  test("expands bare milliseconds to the smallest sequence at the start of a range and the greatest at its end", () => {
    expect(parseId("7", "least")).toBe("7-0");
    expect(parseId("7", "greatest")).toBe(`7-${MAX}`);
    expect(parseId("7-3", "greatest")).toBe("7-3");
  });

  test.each([
    "",
    "-",
    "+",
    "$",
    "*",
    "-1",
    "7-",
    "-7-3",
    "7-3-1",
    "7--3",
    "+7",
    " 7",
    "7 ",
    "7\n",
    "7-3\n",
    "1.5",
    "1e3",
    "0x10",
    "7-*",
    "seven",
    "٧",
    "７",
    "18446744073709551616",
    "18446744073709551616-0",
    "0-18446744073709551616",
    "99999999999999999999999999",
    "1".repeat(41),
    "0".repeat(100_000),
  ])("%j is no id", (text) => {
    expect(parseId(text)).toBeUndefined();
  });

  test("property: reads back a written id, with any leading zeros", () => {
    fc.assert(
      fc.property(idPart, idPart, fc.nat({ max: 15 }), (ms, seq, zeros) => {
        const lead = "0".repeat(zeros);
        expect(parseId(idOf(ms, seq))).toBe(`${ms}-${seq}`);
        expect(parseId(`${lead}${ms}-${lead}${seq}`)).toBe(`${ms}-${seq}`);
      }),
    );
  });
});

describe("time", () => {
  test("converts a time to its first id, and an id to its time", () => {
    expect(idAtTime(1_700_000_000_123)).toBe("1700000000123-0");
    expect(timeOfId(id("1700000000123-45"))).toBe(1_700_000_000_123);
    for (const ms of [0, 7, 999_999_999_999, 10_000_000_000_000, Number.MAX_SAFE_INTEGER])
      expect(timeOfId(id(`${ms}-1700000000123`))).toBe(ms);
    expect(idAtTime(0)).toBe("0-0");
    expect(timeOfId(id("9007199254740991-7"))).toBe(Number.MAX_SAFE_INTEGER);
  });
});
