import fc from "fast-check";
import { expect, test } from "vitest";
import { formatNamedCursors, parseNamedCursors } from "../../../src/domain/streams/named-cursors.ts";
import { entryId, streamName } from "../../support/data/arbitraries.ts";
import { rejectionOf } from "../../support/rejection.ts";

test("names win over positions, and everything else starts at the beginning", () => {
  const cursors = parseNamedCursors("cam-1=5-0+cam-2=7", 1);
  expect(cursors.of("cam-1", 0)).toBe("5-0");
  expect(cursors.of("cam-2", 0)).toBe("7-0");
  expect(cursors.of("cam-3", 0)).toBe("0-0");
});

test("takes one value for all streams without a name, or one per stream id", () => {
  expect(parseNamedCursors("a=1-0+$", 3).of("b", 2)).toBe("$");
  const each = parseNamedCursors("$+0+a=1-0+9-0", 3);
  expect([each.of("x", 0), each.of("y", 1), each.of("z", 2), each.of("a", 2)]).toEqual([
    "$",
    "0-0",
    "9-0",
    "1-0",
  ]);
});

test("reads a plus that URL decoding has turned into a space", () => {
  expect(parseNamedCursors("a=1-0 0", 1).of("a", 0)).toBe("1-0");
});

test("returns what was formatted, for any name", () => {
  fc.assert(
    fc.property(fc.dictionary(streamName, entryId), (given) => {
      const cursors = parseNamedCursors(formatNamedCursors(Object.entries(given)), 1);
      for (const [name, id] of Object.entries(given)) expect(cursors.of(name, 0)).toBe(id);
      expect(cursors.of("another name", 0)).toBe(given["another name"] ?? "0-0");
    }),
  );
});

test("rejects another number of values, an invalid cursor and a broken name", () => {
  for (const text of ["1-0+2-0", "a=x", "a=", "%zz=1-0", "a=1-0+b"])
    expect(
      rejectionOf(() => parseNamedCursors(text, 3)),
      text,
    ).toMatch(/^BAD_PARAMETER: last_entry_id /);
});
