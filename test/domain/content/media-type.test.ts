// cspell:ignore jpég jscript livescript svgz
import { describe, expect, test } from "vitest";
import {
  essenceOf,
  isDescriptive,
  isExecutable,
  MOST_TYPE_CHARACTERS,
  parameterOf,
  parseMediaType,
} from "../../../src/domain/content/media-type.ts";

describe("media type", () => {
  test.each([
    ["image/jpeg", "image/jpeg"],
    [" text/plain ", "text/plain"],
    ["audio/L16;rate=16000;channels=1", "audio/L16;rate=16000;channels=1"],
    ['text/plain; charset="utf-8"', 'text/plain; charset="utf-8"'],
    ["application/vnd.foo+json ; v=1", "application/vnd.foo+json ; v=1"],
  ])("%j is valid", (given, parsed) => {
    expect(parseMediaType(given)).toBe(parsed);
  });

  test.each([
    "",
    "image",
    "image/",
    "/jpeg",
    "image/jpeg\r\nx-evil: 1",
    "image/jpeg\nx",
    "image/jpeg;a=b\r\nx: 1",
    'image/jpeg;a="b\r\nx: 1"',
    "image/jpég",
    "image/jpeg; charset",
    "image/jpeg;;",
    "image /jpeg",
    "image/jpeg, image/png",
    "image/jpeg\0",
    `image/${"x".repeat(MOST_TYPE_CHARACTERS)}`,
    "x".repeat(10_000),
  ])("%j is not", (given) => {
    expect(parseMediaType(given)).toBeUndefined();
  });

  test("has an essence and parameters", () => {
    expect(essenceOf("Audio/L16; rate=16000")).toBe("audio/l16");
    expect(parameterOf('audio/L16;Rate="16000"; channels = 2', "rate")).toBe("16000");
    expect(parameterOf("audio/L16;rate=16000", "channels")).toBeUndefined();
  });
});

test.each([
  "text/html",
  "TEXT/HTML; charset=utf-8",
  "application/xhtml+xml",
  "image/svg+xml",
  "image/svg+xml;charset=utf-8",
  "text/xml",
  "application/xml",
  "application/xml-dtd",
  "application/rss+xml",
  "application/vnd.mozilla.xul+xml",
  "text/xsl",
  "application/xslt+xml",
  "text/javascript",
  "text/javascript1.5",
  "application/x-javascript",
  "application/ecmascript",
  "text/jscript",
  "text/livescript",
  "text/vbscript",
  "application/wasm",
  "multipart/x-mixed-replace;boundary=x",
  "multipart/related",
  "message/rfc822",
])("%s can be executed by a browser", (type) => {
  expect(isExecutable(type)).toBe(true);
});

test.each([
  "image/jpeg",
  "image/svgz",
  "application/json",
  "application/ld+json",
  "application/msgpack",
  "application/octet-stream",
  "application/pdf",
  "text/plain",
  "text/csv",
  "audio/L16;rate=16000",
  "video/mp4",
  "application/x-protobuf",
])("%s cannot", (type) => {
  expect(isExecutable(type)).toBe(false);
});

test.each([
  ["image/jpeg", true],
  ["Audio/wav", true],
  ["video/h264", true],
  ["text/csv", true],
  ["application/json", false],
  ["application/octet-stream", false],
  ["multipart/form-data", false],
  ["", false],
])("a body of %j describes its stream: %s", (type, describes) => {
  expect(isDescriptive(type)).toBe(describes);
});
