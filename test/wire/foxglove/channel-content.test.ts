import { expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { channelContentOf } from "../../../src/wire/foxglove/channel-content.ts";
import { channelFormatOf } from "../../../src/wire/foxglove/channel-format.ts";
import { DESCRIPTOR_SETS } from "../../../src/wire/foxglove/schemas.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";

const entryOf = (data: Uint8Array, type?: string): Entry => ({
  id: "5-0" as EntryId,
  data,
  ...(type !== undefined && { fields: new Map([["content-type", bytesOfText(type)]]) }),
});

const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0);
const OTHER = Uint8Array.of(0, 1, 2, 3);
const IMU = { name: "Imu", encoding: "jsonschema", data: '{"type":"object"}' };
const PROTO = { name: "lab.Imu", encoding: "protobuf", data: "CgA=" };

test.each([
  ["image/jpg", { kind: "image", format: "jpeg" }],
  ["image/avif", { kind: "image", format: "avif" }],
  ["audio/L16;rate=16000;channels=2", { kind: "audio", pcm: { rate: 16_000, channels: 2, format: "s16be" } }],
  ["audio/opus", { kind: "compressed-audio", format: "opus" }],
  ["audio/aac", { kind: "compressed-audio", format: "mp4a.40.2" }],
  ["audio/wav", { kind: "bytes" }],
  ["audio/L16", { kind: "bytes" }],
  ["Video/H264; profile=x", { kind: "video", format: "h264" }],
  ["video/hevc", { kind: "video", format: "h265" }],
  ["video/mp4", { kind: "bytes" }],
  ["text/csv", { kind: "text" }],
  ["application/json", { kind: "json", schema: undefined }],
  ["application/senml+json", { kind: "json", schema: undefined }],
  ["application/x-msgpack", { kind: "msgpack", schema: undefined }],
  ["application/pdf", { kind: "bytes" }],
])("declared type %s", (contentType, content) => {
  expect(channelContentOf({ contentType }, entryOf(JPEG))).toEqual(content);
});

test.each([
  [JPEG, { kind: "image", format: "jpeg" }],
  [bytesOfText('{"x":1}'), { kind: "json", schema: undefined }],
  [bytesOfText("hello"), { kind: "text" }],
  [Uint8Array.of(0x81, 0xa1, 0x78, 1), { kind: "msgpack", schema: undefined }],
  [OTHER, { kind: "bytes" }],
])("undeclared payload %#", (data, content) => {
  expect(channelContentOf(null, entryOf(data))).toEqual(content);
});

test("a stream without entries and declaration has unknown bytes", () => {
  expect(channelContentOf(undefined, undefined)).toEqual({ kind: "bytes" });
  expect(channelContentOf({ contentType: "image/png" }, undefined)).toEqual({ kind: "image", format: "png" });
});

test("the entry's own content type takes precedence", () => {
  expect(channelContentOf({ contentType: "image/jpeg" }, entryOf(OTHER, "text/plain"))).toEqual({
    kind: "text",
  });
  expect(channelContentOf({ contentType: "image/jpeg" }, entryOf(OTHER, "nothing"))).toEqual({
    kind: "image",
    format: "jpeg",
  });
});

test("metadata may describe samples without a content type", () => {
  const pcm = { rate: 48_000, channels: 1, format: "s16" };
  expect(channelContentOf({ sampleRate: 48_000 }, entryOf(OTHER))).toEqual({ kind: "audio", pcm });
  // Valid MessagePack by chance.
  expect(channelContentOf({ sampleRate: 48_000 }, entryOf(Uint8Array.of(0x90)))).toEqual({
    kind: "audio",
    pcm,
  });
  expect(channelContentOf({ sampleRate: 48_000, format: "f32" }, entryOf(OTHER))).toEqual({ kind: "bytes" });
  expect(channelContentOf({ sampleRate: 48_000 }, entryOf(JPEG)).kind).toBe("image");
});

test("declared schemas describe JSON, MessagePack and other encodings", () => {
  const json = bytesOfText('{"x":1}');
  expect(channelContentOf({ schema: IMU }, entryOf(json))).toEqual({ kind: "json", schema: IMU });
  expect(channelContentOf({ schema: IMU, contentType: "application/msgpack" }, undefined)).toEqual({
    kind: "msgpack",
    schema: IMU,
  });
  const declared = { kind: "declared", encoding: "protobuf", schema: PROTO };
  expect(channelContentOf({ schema: PROTO }, undefined)).toEqual(declared);
  expect(channelContentOf({ schema: PROTO, contentType: "application/x-protobuf" }, entryOf(json))).toEqual(
    declared,
  );
  expect(channelContentOf({ schema: { name: "Imu" }, contentType: "application/json" }, undefined)).toEqual({
    kind: "json",
    schema: undefined,
  });
  const ros2 = { name: "sensor_msgs/msg/Imu", encoding: "ros2msg", data: "float64 x" };
  expect(channelContentOf({ schema: ros2 }, undefined)).toEqual({
    kind: "declared",
    encoding: "cdr",
    schema: ros2,
  });
});

test("a recording stores each content in its format", () => {
  const name = "foxglove.CompressedImage";
  expect(channelFormatOf({ kind: "image", format: "png" })).toEqual({
    encoding: "protobuf",
    schema: { name, encoding: "protobuf", data: DESCRIPTOR_SETS[name] },
  });
  expect(channelFormatOf({ kind: "text" }).schema?.name).toBe("foxglove.Log");
  expect(channelFormatOf({ kind: "json", schema: IMU })).toEqual({ encoding: "json", schema: IMU });
  expect(channelFormatOf({ kind: "msgpack", schema: undefined })).toEqual({
    encoding: "msgpack",
    schema: undefined,
  });
  expect(channelFormatOf({ kind: "declared", encoding: "cdr", schema: PROTO })).toEqual({
    encoding: "cdr",
    schema: PROTO,
  });
  expect(channelFormatOf({ kind: "bytes" })).toEqual({
    encoding: "application/octet-stream",
    schema: undefined,
  });
});
