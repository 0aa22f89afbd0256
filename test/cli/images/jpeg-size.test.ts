import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { jpegSize } from "../../../cli/images/jpeg-size.ts";

const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "teal" } });

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
