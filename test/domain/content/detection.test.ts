// cspell:ignore WAVEfmt
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { extensionOf, guessType, imageTypeOf } from "../../../src/domain/content/detection.ts";

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const textBytes = (text: string) => new TextEncoder().encode(text);

test.each([
  ["image/jpeg", "ff d8 ff e0 00 10 4a 46 49 46"],
  ["image/jpeg", "ff d8 ff"],
  ["image/png", "89 50 4e 47 0d 0a 1a 0a"],
  ["image/webp", "52 49 46 46 24 00 00 00 57 45 42 50 56 50 38 4c"],
  ["image/gif", "47 49 46 38 39 61"],
  ["image/gif", "47 49 46 38 37 61"],
  [undefined, "52 49 46 46 24 00 00 00 57 41 56 45"],
  [undefined, "ff d8"],
  [undefined, "89 50 4e 47 0a"],
  [undefined, "47 49"],
  [undefined, "7b 22 74 22 3a 31 7d"],
  [undefined, "00 ff d8 ff"],
  [undefined, ""],
])("%s: %s", (type, start) => {
  expect(imageTypeOf(bytesOf(start))).toBe(type);
});

describe("file name extension", () => {
  test.each([
    ["jpg", "jpeg"],
    ["png", "png"],
    ["gif", "gif"],
    ["webp", "webp"],
  ] as const)("%s of an encoded image", async (extension, format) => {
    const blank = sharp({ create: { width: 31, height: 17, channels: 3, background: "teal" } });
    expect(extensionOf(await blank.toFormat(format).toBuffer())).toBe(extension);
  });

  test("of other payloads", () => {
    expect(extensionOf(textBytes("RIFF\0\0\0\0WAVE"))).toBe("wav");
    expect(extensionOf(textBytes("{}"))).toBe("json");
    expect(extensionOf(textBytes("RIFF1234"))).toBe("txt");
    expect(extensionOf(encode([1]))).toBe("msgpack");
    expect(extensionOf(Uint8Array.of(1, 2))).toBe("bin");
    expect(extensionOf(new Uint8Array())).toBe("bin");
  });
});

describe("guess", () => {
  const LONG = 100_000;

  test.each([
    ["nothing", "", undefined],
    ["JSON object", '{"t":1}', "application/json"],
    ["JSON list with spaces", "\n [1, 2] \n", "application/json"],
    ["JSON number", "3.5", "application/json"],
    ["JSON string", '"a"', "application/json"],
    ["broken JSON", '{"t":', "text/plain"],
    ["a word", "hello", "text/plain"],
    ["HTML", "<!doctype html><script>1</script>", "text/plain"],
    ["umlauts and tabs", "grüße\t\r\n", "text/plain"],
    ["text with a control character", "a\u0001b", undefined],
    ["long JSON", `{"a":"${"x".repeat(LONG)}"}\n`, "application/json"],
    ["a long list", `  [${"1,".repeat(LONG)}1]`, "application/json"],
    ["long text", "{".repeat(LONG), "text/plain"],
    ["long text of 3-byte characters, cut within one", `${"€".repeat(LONG)}`, "text/plain"],
    ["JSON after a byte order mark, which parsers reject", "\ufeff{}", "text/plain"],
    ["WAV", "RIFF\0\0\0\0WAVEfmt ", "audio/wav"],
  ])("%s", (_what, text, type) => {
    expect(guessType(textBytes(text))).toBe(type);
  });

  test.each([
    ["a map", encode({ a: [1, -1, 1.5, null, true, "x", new Uint8Array(300)] }), "application/msgpack"],
    ["a long list", encode(Array.from({ length: 70_000 }, (_, i) => i)), "application/msgpack"],
    ["an empty map", bytesOf("80"), "application/msgpack"],
    ["an extension in a list", bytesOf("91 c7 02 05 aa bb"), "application/msgpack"],
    ["a map that ends too early", encode({ a: 1 }).slice(0, -1), undefined],
    ["bytes after a map", Uint8Array.of(...encode({ a: 1 }), 1), undefined],
    ["a bare number", encode(-5), undefined],
    ["a list that claims 4 billion items", bytesOf("dd ff ff ff ff 01"), undefined],
    ["a text that claims 4 GB", bytesOf("91 db ff ff ff ff 01"), undefined],
    ["a type that does not exist", bytesOf("91 c1"), undefined],
    ["samples", bytesOf("01 00 ff 7f"), undefined],
    ["Latin-1 text", bytesOf("67 72 fc df"), undefined],
  ])("%s", (_what, data, type) => {
    expect(guessType(data)).toBe(type);
  });

  test("property: every JSON value is JSON, and every MessagePack list is MessagePack", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(guessType(textBytes(JSON.stringify(value)))).toBe("application/json");
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (list) => {
        expect(guessType(encode(list))).toBe("application/msgpack");
      }),
    );
  });

  test("property: never throws for bytes that begin like MessagePack", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(0x92, 0xdc, 0xdd, 0xdf),
        (rest, first) => {
          guessType(Uint8Array.of(first, ...rest));
          guessType(rest);
        },
      ),
    );
  });

  test("checks only the beginning of ten million nested lists", () => {
    expect(guessType(new Uint8Array(10_000_000).fill(0x91))).toBe("application/msgpack");
    expect(guessType(new Uint8Array(10_000_000).fill(0x5b))).toBe("text/plain");
  });
});
