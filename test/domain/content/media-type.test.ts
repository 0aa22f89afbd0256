// cspell:ignore jpég jscript livescript svgz importmap speculationrules jnlp msdownload gltf xapplication jsonx
import { describe, expect, test } from "vitest";
import {
  essenceOf,
  isDescriptive,
  isExecutable,
  isInline,
  MAX_TYPE_CHARACTERS,
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
    `image/${"x".repeat(MAX_TYPE_CHARACTERS)}`,
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
  "text/css",
  "TEXT/CSS;charset=utf-8",
  "text/x-css",
  "application/hta",
  "application/x-hta",
  "application/manifest+json",
  "application/importmap+json",
  "application/speculationrules+json",
  "text/event-stream",
  "text/cache-manifest",
  "text/x-component",
  "application/x-shockwave-flash",
  "application/x-silverlight-app",
  "application/java-archive",
  "application/x-java-jnlp-file",
  "application/x-ns-proxy-autoconfig",
])("%s can be executed by a browser, and is never inline", (type) => {
  expect(isExecutable(type)).toBe(true);
  expect(isInline(type)).toBe(false);
});

test.each([
  "image/jpeg",
  "image/png",
  "image/gif",
  "image/webp",
  "image/avif",
  "IMAGE/JPEG",
  "audio/L16;rate=16000",
  "audio/wav",
  "video/mp4",
  "video/h264",
  "application/ogg",
  "text/plain",
  "text/plain; charset=utf-8",
  "text/csv",
  "text/tab-separated-values",
  "text/markdown",
  "application/json",
  "application/geo+json",
  "application/vnd.robot.pose+json",
  "application/x-ndjson",
  "application/octet-stream",
  "application/msgpack",
  "application/x-msgpack",
  "application/vnd.msgpack",
  "application/cbor",
])("%s is inline", (type) => {
  expect(isInline(type)).toBe(true);
});

test.each([
  "application/pdf",
  "application/zip",
  "application/x-protobuf",
  "application/vnd.ms-excel",
  "application/x-msdownload",
  "application/x-sh",
  "application/x-bat",
  "application/unknown",
  "unknown/unknown",
  "*/*",
  "text/rtf",
  "text/calendar",
  "text/vtt",
  "text/unknown",
  "font/woff2",
  "model/gltf+json",
  "chemical/x-pdb",
  "x-world/x-vrml",
  "application/json-seq",
  "xapplication/json",
  "application/jsonx",
])("%s is a download", (type) => {
  expect(isExecutable(type)).toBe(false);
  expect(isInline(type)).toBe(false);
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
