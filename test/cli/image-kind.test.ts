import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { imageKind, jpegSize } from "../../cli/image-kind.ts";

const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "teal" } });

describe("image type by first bytes", () => {
  test.each([
    ["jpg", "jpeg"],
    ["png", "png"],
    ["gif", "gif"],
    ["webp", "webp"],
  ] as const)("%s", async (kind, format) => {
    const image = await blank(31, 17).toFormat(format).toBuffer();
    expect(imageKind(image)).toBe(kind);
  });

  test("detects other data as bin", () => {
    expect(imageKind(new TextEncoder().encode("RIFF1234WAVE"))).toBe("bin");
    expect(imageKind(new Uint8Array())).toBe("bin");
  });
});

describe("a JPEG's size", () => {
  test.each([false, true])("reads the size of a JPEG with metadata, progressive %s", async (progressive) => {
    const image = await blank(333, 44)
      .withExif({ IFD0: { Copyright: "x".repeat(5000) } })
      .jpeg({ progressive })
      .toBuffer();
    expect(jpegSize(image)).toEqual({ width: 333, height: 44 });
  });

  test("property: never throws for a truncated JPEG or bytes that start like one", async () => {
    const image = await blank(64, 48).jpeg().toBuffer();
    for (let length = 0; length < image.length; length++) {
      const size = jpegSize(image.subarray(0, length));
      if (size !== undefined) expect(size).toEqual({ width: 64, height: 48 });
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (rest) => {
        jpegSize(Uint8Array.of(0xff, 0xd8, 0xff, ...rest));
      }),
    );
  });
});
