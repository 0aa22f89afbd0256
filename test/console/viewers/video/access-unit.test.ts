/** Facts about video frames, for frames that real encoders made. */
import { expect, test } from "vitest";
import { codecOfType, inspectFrame } from "../../../../console/viewers/video/access-unit.ts";
import { framesOf } from "../../../support/programs/video.ts";

test.each([
  ["h264", /^avc1\.[0-9a-f]{6}$/],
  ["h265", /^hev1\.1\.6\.L\d+\.90$/],
] as const)("finds the key frames and the codec of %s", (codec, codecText) => {
  const frames = framesOf({ codec, colours: ["red"], framesEach: 25, keyEvery: 10 });
  const found = frames.map((frame) => inspectFrame(codec, frame));
  expect(found.map(({ isKey }) => isKey)).toEqual(Array.from({ length: 25 }, (_, i) => i % 10 === 0));
  expect(found[0]?.codec).toMatch(codecText);
  expect(found[1]?.codec).toBeUndefined();
});

test("accepts start codes of three bytes, and frames that are cut", () => {
  const sps = [0x67, 0x64, 0x00, 0x1f, 0xac];
  const frame = Uint8Array.from([0, 0, 1, ...sps, 0, 0, 1, 0x68, 0xee, 0, 0, 1, 0x65, 0x88]);
  expect(inspectFrame("h264", frame)).toEqual({ isKey: true, codec: "avc1.64001f" });
  for (let length = 0; length < frame.length; length++)
    expect(inspectFrame("h264", frame.subarray(0, length)).isKey).toBe(length > frame.indexOf(0x65));
  for (const codec of ["h264", "h265"] as const)
    expect(inspectFrame(codec, new Uint8Array([1, 2, 3]))).toEqual({ isKey: false, codec: undefined });
});

test.each([
  ["video/h264", "h264"],
  ["video/avc", "h264"],
  ["video/h265", "h265"],
  ["video/hevc", "h265"],
  ["video/mp4", undefined],
  ["image/jpeg", undefined],
])("knows the codec of %s", (type, codec) => expect(codecOfType(type)).toBe(codec));
