import { expect, test } from "vitest";
import { formWithLengths, mjpegType, promptForm } from "../../src/wire/mjpeg.ts";

test("states the boundary in the content type", () => {
  expect(mjpegType("frame")).toBe("multipart/x-mixed-replace; boundary=frame");
});

test("form with lengths: writes the boundary right after each image", () => {
  const { start, before, after } = formWithLengths("frame");
  expect(
    `${start}${before("image/jpeg", 4)}JPEG${after("image/jpeg")}${before("image/png", 3)}PNG${after("image/png")}`,
  ).toBe(
    [
      "--frame",
      "Content-Type: image/jpeg",
      "Content-Length: 4",
      "",
      "JPEG",
      "--frame",
      "Content-Type: image/png",
      "Content-Length: 3",
      "",
      "PNG",
      "--frame",
      "",
    ].join("\r\n"),
  );
});

test("prompt form: writes the boundary and the headers of the next part right after each image", () => {
  const { start, before, after } = promptForm("frame");
  expect(
    `${start}${before("image/jpeg", 4)}JPEG${after("image/jpeg")}${before("image/png", 3)}PNG${after("image/png")}`,
  ).toBe(
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
