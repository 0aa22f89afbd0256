import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCursors, type RequestedCursor } from "../../src/domain/cursor.ts";
import { anyId } from "../support/arbitraries.ts";
import { refusalOf } from "../support/refusal.ts";

describe("“Forms: a full id, bare milliseconds, `0` or `-` (from the beginning), `$` (from now)”", () => {
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

describe("“For several streams it is one value for all, or one per stream joined by `+`”", () => {
  test("one for all", () => {
    expect(parseCursors("5", 3)).toEqual(["5-0", "5-0", "5-0"]);
    expect(parseCursors("$", 2)).toEqual(["$", "$"]);
  });

  test("one per stream, in the streams' order", () => {
    expect(parseCursors("5-1+$+-+0", 4)).toEqual(["5-1", "$", "0-0", "0-0"]);
  });

  test("“in a query value a plus may arrive as a space: both are the separator”", () => {
    expect(parseCursors("5-1 $+7", 3)).toEqual(["5-1", "$", "7-0"]);
  });

  test("property: as many as were joined", () => {
    const cursor = fc.oneof(anyId, fc.constant("$" as const));
    const cursors: fc.Arbitrary<RequestedCursor[]> = fc.array(cursor, { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(cursors, fc.constantFrom("+", " "), (wanted, separator) => {
        expect(parseCursors(wanted.join(separator), wanted.length)).toEqual(wanted);
      }),
    );
  });
});

describe("“Anything else is a 400 … naming the parameter”", () => {
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
    expect(refusalOf(() => parseCursors(text, 1))).toBe(
      `BAD_PARAMETER: last_entry_id is no entry id, milliseconds, 0, - or $: "${text}"`,
    );
  });

  test("a cursor that is wrong among others is the one that is named", () => {
    expect(refusalOf(() => parseCursors("5+six+7", 3))).toContain('"six"');
  });

  test.each([
    ["1+2", 1, "has 2 values for 1 stream"],
    ["1+2", 3, "has 2 values for 3 streams"],
    ["1 2 3", 2, "has 3 values for 2 streams"],
    ["+", 1, "has 2 values for 1 stream"],
  ])("%j for %i", (text, streams, problem) => {
    expect(refusalOf(() => parseCursors(text, streams))).toBe(`BAD_PARAMETER: last_entry_id ${problem}`);
  });

  test.each(["+", "5+", "+5", " ", ""])("%j names an empty one", (text) => {
    expect(refusalOf(() => parseCursors(text, text.split(/[+ ]/).length))).toBe(
      'BAD_PARAMETER: last_entry_id is no entry id, milliseconds, 0, - or $: ""',
    );
  });

  test("a long one is shown by its beginning, so that the reason fits a close frame", () => {
    expect(refusalOf(() => parseCursors("x".repeat(10_000), 1)).length).toBeLessThanOrEqual(140);
  });
});
