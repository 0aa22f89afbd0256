import { describe, expect, test } from "vitest";
import {
  imageTypeOf,
  MJPEG_CONTENT_TYPE,
  MJPEG_PART_END,
  MJPEG_START,
  mjpegPartStart,
} from "../../src/wire/mjpeg.ts";

test("two pictures, byte for byte: each is followed by its closing boundary at once", () => {
  const pictures = [
    ["5-1", "JPEG"],
    ["5-2", "\r\n--x"],
  ] as const;
  const parts = pictures.map(
    ([id, data]) => mjpegPartStart("image/jpeg", data.length, id) + data + MJPEG_PART_END,
  );
  expect(MJPEG_CONTENT_TYPE).toBe("multipart/x-mixed-replace; boundary=redis-streamer-frame");
  expect(MJPEG_START + parts.join("")).toBe(
    [
      "--redis-streamer-frame",
      "Content-Type: image/jpeg",
      "Content-Length: 4",
      "X-Entry-Id: 5-1",
      "",
      "JPEG",
      "--redis-streamer-frame",
      "Content-Type: image/jpeg",
      "Content-Length: 5",
      "X-Entry-Id: 5-2",
      "",
      "",
      "--x",
      "--redis-streamer-frame",
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
