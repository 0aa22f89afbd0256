/** Range requests: the cases of RFC 9110, section 14. */
import { expect, test } from "vitest";
import { matchesEtag, parseRange } from "../../../src/transports/response/byte-range.ts";

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
  ["bytes=99999999999999999999-", "unsatisfiable"],
  ["bytes=9007199254740992-9007199254740993", "unsatisfiable"],
  ["bytes=99999999999999999999-0", undefined],
  ["bytes=3-99999999999999999999", { first: 3, last: 9 }],
  ["bytes=-99999999999999999999", { first: 0, last: 9 }],
  [`bytes=${"9".repeat(10_000)}-`, "unsatisfiable"],
  [`bytes=3-${"9".repeat(10_000)}`, { first: 3, last: 9 }],
  [`bytes=-${"9".repeat(10_000)}`, { first: 0, last: 9 }],
  [`bytes=${"0".repeat(10_000)}3-${"0".repeat(20)}5`, { first: 3, last: 5 }],
  [`bytes=-${"0".repeat(20)}`, "unsatisfiable"],
  ["bytes=9-9", { first: 9, last: 9 }],
  ["bytes=9-10", { first: 9, last: 9 }],
  ["bytes=-10", { first: 0, last: 9 }],
  ["bytes=-1", { first: 9, last: 9 }],
  ["BYTES=\t3-5\t", { first: 3, last: 5 }],
  ["bytes=3-5,", { first: 3, last: 5 }],
  ["bytes= , 3-5 ,,", { first: 3, last: 5 }],
  ["bytes=,", undefined],
  ["bytes=20-30,40-50", undefined],
  ["bytes=3-5-7", undefined],
  ["bytes=+3-5", undefined],
  ["bytes=-3-5", undefined],
  ["bytes=--3", undefined],
  ["bytes=3.0-5", undefined],
  ["bytes=1e0-5", undefined],
  ["bytes=3 - 5", undefined],
  ["bytes=3", undefined],
  ["bytes=*", undefined],
  ["bytes 3-5", undefined],
  ["bytes=３-５", undefined],
  ["xbytes=3-5", undefined],
  ["=3-5", undefined],
  ["items=0-1", undefined],
  ["", undefined],
  [undefined, undefined],
])("%s of ten bytes", (header, range) => {
  expect(parseRange(header, 10)).toEqual(range);
});

test("an empty body has no satisfiable range", () => {
  expect(parseRange("bytes=0-", 0)).toBe("unsatisfiable");
  expect(parseRange("bytes=0-0", 0)).toBe("unsatisfiable");
  expect(parseRange("bytes=-0", 0)).toBe("unsatisfiable");
  expect(parseRange(undefined, 0)).toBeUndefined();
});

test("the last bytes of an empty body are the whole body, which no Content-Range describes", () => {
  expect(parseRange("bytes=-1", 0)).toBeUndefined();
  expect(parseRange("bytes=-99999999999999999999", 0)).toBeUndefined();
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
