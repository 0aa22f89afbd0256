// cspell:ignore mred
import fc from "fast-check";
import { expect, test } from "vitest";
import { payloadText } from "../../../cli/output/payload-text.ts";
import { anyString } from "../../support/data/any-string.ts";

const encoder = new TextEncoder();

test.each([
  ["42", "42"],
  ["", ""],
  ["Grüße 👋\ttab", "Grüße 👋\ttab"],
  ["two\r\nlines", "two\\r\\nlines"],
  ["\u001b[31mred\u0007", "\\u001b[31mred\\u0007"],
  ["\u009b2J\u2028", "\\u009b2J\\u2028"],
])("formats %j as %s", (text, line) => {
  expect(payloadText(encoder.encode(text))).toBe(line);
});

test("formats binary data as its first bytes and its length", () => {
  expect(payloadText(Uint8Array.of(0xff, 0xd8, 0x00))).toBe("ff d8 00 (3 bytes)");
  expect(payloadText(new Uint8Array(100).fill(0xff))).toMatch(/^(ff ){24}… \(100 bytes\)$/);
});

test("property: any payload is one line without control characters", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        anyString().map((text) => encoder.encode(text)),
      ),
      (data) => {
        expect(payloadText(data)).not.toMatch(/[^\P{Cc}\t]|[\u2028\u2029]/u);
      },
    ),
  );
});
