import { describe, expect, test } from "vitest";
import { imageTypeOf, mjpegForm } from "../../src/wire/mjpeg.ts";

test("two pictures, byte for byte: each is followed at once by the boundary and the headers of the next part", () => {
  const { contentType, start, end } = mjpegForm("frame");
  expect(contentType).toBe("multipart/x-mixed-replace; boundary=frame");
  expect(`${start}JPEG${end("image/jpeg")}PNG${end("image/png")}`).toBe(
    [
      "--frame",
      "Content-Type: image/jpeg",
      "",
      "JPEG",
      "--frame",
      "Content-Type: image/jpeg",
      "",
      "PNG",
      "--frame",
      "Content-Type: image/png",
      "",
      "",
    ].join("\r\n"),
  );
});

describe("the type of a picture by its first bytes", () => {
  test.each([
    ["image/jpeg", "ff d8 ff e0 00 10 4a 46 49 46"],
    ["image/png", "89 50 4e 47 0d 0a 1a 0a"],
    ["image/webp", "52 49 46 46 24 00 00 00 57 45 42 50"],
    ["image/jpeg", "52 49 46 46 24 00 00 00 41 56 49 20"],
    ["image/jpeg", "89"],
    ["image/jpeg", "52"],
    ["image/jpeg", ""],
  ])("%s: %s", (type, start) => {
    expect(imageTypeOf(new Uint8Array(Buffer.from(start.replaceAll(" ", ""), "hex")))).toBe(type);
  });
});
