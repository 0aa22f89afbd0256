import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCursors, type RequestedCursor } from "../../../src/domain/streams/cursor.ts";
import { anyId } from "../../support/data/arbitraries.ts";
import { rejectionOf } from "../../support/rejection.ts";

describe("accepts a full id, bare milliseconds, `0` or `-` (from the beginning) and `$` (from now)", () => {
  test.each([
    ["1526919030474-55", "1526919030474-55"],
    ["1526919030474", "1526919030474-0"],
    ["007-010", "7-10"],
    ["0", "0-0"],
    ["0-0", "0-0"],
    ["-", "0-0"],
    ["$", "$"],
    ["18446744073709551615-18446744073709551615", "18446744073709551615-18446744073709551615"],
  ])("%s", (text, cursor) => {
    expect(parseCursors(text, 1)).toEqual([cursor]);
  });
});

describe("several streams", () => {
  test("accepts one value for all streams", () => {
    expect(parseCursors("5", 3)).toEqual(["5-0", "5-0", "5-0"]);
    expect(parseCursors("$", 2)).toEqual(["$", "$"]);
  });

  test("accepts one value per stream, joined by `+`, in the order of the streams", () => {
    expect(parseCursors("5-1+$+-+0", 4)).toEqual(["5-1", "$", "0-0", "0-0"]);
  });

  test("accepts a space as the separator, because URL decoding turns a plus into a space", () => {
    expect(parseCursors("5-1 $+7", 3)).toEqual(["5-1", "$", "7-0"]);
  });

  test("property: returns as many cursors as were joined", () => {
    const cursor = fc.oneof(anyId, fc.constant("$" as const));
    const cursors: fc.Arbitrary<RequestedCursor[]> = fc.array(cursor, { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(cursors, fc.constantFrom("+", " "), (wanted, separator) => {
        expect(parseCursors(wanted.join(separator), wanted.length)).toEqual(wanted);
      }),
    );
  });
});

describe("rejects anything else with the name of the parameter", () => {
  test.each([
    "5-",
    "-5",
    "--",
    "$$",
    "#5",
    "now",
    "*",
    "5-*",
    "1.5",
    "1e9",
    "0x5",
    "(5-0",
    "5-0-0",
    "18446744073709551616",
    "0-18446744073709551616",
    "5\n",
    "null",
  ])("%j", (text) => {
    expect(rejectionOf(() => parseCursors(text, 1))).toBe(
      `BAD_PARAMETER: last_entry_id must be an entry id, milliseconds, 0, - or $, got "${text}"`,
    );
  });

  test("names the invalid cursor in a list", () => {
    expect(rejectionOf(() => parseCursors("5+six+7", 3))).toContain('"six"');
  });

  test.each([
    ["1+2", 1, "must have one value, or one per stream (1), got 2"],
    ["1+2", 3, "must have one value, or one per stream (3), got 2"],
    ["1 2 3", 2, "must have one value, or one per stream (2), got 3"],
    ["+", 1, "must have one value, or one per stream (1), got 2"],
  ])("%j for %i", (text, streams, problem) => {
    expect(rejectionOf(() => parseCursors(text, streams))).toBe(`BAD_PARAMETER: last_entry_id ${problem}`);
  });

  test.each(["+", "5+", "+5", " ", ""])("rejects %j: it contains an empty cursor", (text) => {
    expect(rejectionOf(() => parseCursors(text, text.split(/[+ ]/).length))).toBe(
      'BAD_PARAMETER: last_entry_id must be an entry id, milliseconds, 0, - or $, got ""',
    );
  });

  test("truncates a long value, so that the reason fits in a close frame", () => {
    expect(rejectionOf(() => parseCursors("x".repeat(10_000), 1)).length).toBeLessThanOrEqual(140);
  });
});
