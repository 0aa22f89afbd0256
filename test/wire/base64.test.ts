import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/wire/base64.ts";

// cspell:ignore foob fooba AAÀA ＡAAA

const plain = (bytes: Uint8Array | undefined) => bytes && [...bytes];

test.each([
  ["", ""],
  ["f", "Zg=="],
  ["fo", "Zm8="],
  ["foo", "Zm9v"],
  ["foob", "Zm9vYg=="],
  ["fooba", "Zm9vYmE="],
  ["foobar", "Zm9vYmFy"],
])("RFC 4648, section 10: %j is %j", (text, base64) => {
  const bytes = new TextEncoder().encode(text);
  expect(encodeBase64(bytes)).toBe(base64);
  expect(decodeBase64(base64)).toEqual(bytes);
  expect(decodeBase64(base64.replaceAll("=", ""))).toEqual(bytes);
});

test("decodes and encodes all 64 digits", () => {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bytes = new Uint8Array(Buffer.from(letters, "base64"));
  expect(decodeBase64(letters)).toEqual(bytes);
  expect(encodeBase64(bytes)).toBe(letters);
});

describe("property: equals Node's codec", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });

  test("for any bytes", () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expect(encodeBase64(data)).toBe(Buffer.from(data).toString("base64"));
        expect(decodeBase64(encodeBase64(data))).toEqual(data);
      }),
    );
  });

  test.each([3 * 4096 - 1, 3 * 4096, 3 * 4096 + 1, 3 * 4096 + 2, 100_000])(
    "of %i bytes, where pieces meet",
    (length) => {
      const data = Uint8Array.from({ length }, (_, i) => (i * 7919) >>> 3);
      const text = encodeBase64(data);
      expect(text === Buffer.from(data).toString("base64")).toBe(true);
      expect(Buffer.compare(decodeBase64(text) ?? Buffer.alloc(0), data)).toBe(0);
    },
  );

  test("accepts the same text as atob, except for spaces", () => {
    const letter = fc.constantFrom(..."AZaz09+/=", "-", "_", "é");
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 9 }), (text) => {
        let expected: number[] | undefined;
        try {
          expected = [...atob(text)].map((one) => one.charCodeAt(0));
        } catch {
          expected = undefined;
        }
        expect(plain(decodeBase64(text))).toEqual(expected);
      }),
      { numRuns: 5000 },
    );
  });
});

test.each([
  "A",
  "AAAAA",
  "=",
  "==",
  "===",
  "====",
  "A=",
  "A==",
  "A===",
  "AA=",
  "AAA==",
  "AAAA=",
  "AAAA==",
  "=AAA",
  "AA=A",
  "AA==AAAA",
  "AA A",
  "AAAA\n",
  "AA-_",
  "AAÀA",
  "ＡAAA",
  "\u0000AAA",
])("rejects %j", (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});
