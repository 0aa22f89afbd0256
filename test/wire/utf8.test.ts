import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOfText, lossyTextOf, textOf } from "../../src/wire/utf8.ts";
import { anyText } from "../support/data/arbitraries.ts";

test("property: encodes and decodes any text", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(textOf(bytesOfText(text))).toBe(text);
      expect(lossyTextOf(bytesOfText(text))).toBe(text);
    }),
  );
});

test("property: decodes valid bytes and encodes them again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      const text = textOf(bytes);
      if (text !== undefined) expect(bytesOfText(text)).toEqual(bytes);
    }),
    { numRuns: 2000 },
  );
});

test("keeps a byte order mark", () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
  expect(textOf(bytes)).toBe("\ufeffa");
  expect(lossyTextOf(bytes)).toBe("\ufeffa");
});

test.each([[[0xff]], [[0x61, 0xc3]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xf5, 0x80, 0x80, 0x80]]])(
  "%j is no text, and shown with U+FFFD",
  (bytes) => {
    expect(textOf(Uint8Array.from(bytes))).toBeUndefined();
    expect(lossyTextOf(Uint8Array.from(bytes))).toContain("\ufffd");
  },
);
