import { expect, test } from "vitest";
import { matchesEtag, parseRange } from "../../../../src/transports/http/responses/byte-range.ts";

test.each([
  ["bytes=0-0", { first: 0, last: 0 }],
  ["bytes=0-", { first: 0, last: 9 }],
  ["bytes=3-5", { first: 3, last: 5 }],
  ["Bytes= 3-5 ", { first: 3, last: 5 }],
  ["bytes=3-1000", { first: 3, last: 9 }],
  ["bytes=-4", { first: 6, last: 9 }],
  ["bytes=-1000", { first: 0, last: 9 }],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=10-12", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=5-3", undefined],
  ["bytes=-", undefined],
  ["bytes=", undefined],
  ["bytes=a-b", undefined],
  ["bytes=0-1,3-4", undefined],
  ["bytes=0x0-0x1", undefined],
  ["bytes=99999999999999999999-", undefined],
  ["items=0-1", undefined],
  ["", undefined],
  [undefined, undefined],
])("%s of ten bytes", (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

test("an empty body has no satisfiable range", () => {
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
  expect(parseRange("bytes=-1", 0)).toBe("unsatisfiable");
  expect(parseRange(undefined, 0)).toBeUndefined();
});

test.each([
  ['"5-0-3"', true],
  ['W/"5-0-3"', true],
  ['"a", "5-0-3"', true],
  ["*", true],
  ['"5-0-4"', false],
  ["5-0-3", false],
  [undefined, false],
])("If-None-Match %s", (header, matches) => {
  expect(matchesEtag(header, '"5-0-3"')).toBe(matches);
});
