/** Shapes of detectors and the streams that have them, sizes of images, zoom and rotation. */
import sharp from "sharp";
import { expect, test } from "vitest";
import { createPulledEntry } from "../../../../client/reading/entry.ts";
import { imageSizeOf } from "../../../../console/viewers/image/image-size.ts";
import {
  candidatesOf,
  declaresOverlay,
  selectedOf,
} from "../../../../console/viewers/picture/overlay-streams.ts";
import { fitted, turnedPoint, turnedSize, zoomed } from "../../../../console/viewers/picture/placement.ts";
import { entryFor, shapesOf } from "../../../../console/viewers/picture/shapes.ts";
import { nextTurns } from "../../../../console/workspace/turns.ts";
import { greyJpeg } from "../../../support/data/jpeg.ts";

const SIZE = { width: 640, height: 480 };
const CORNERS = [
  [10, 20],
  [40, 20],
  [40, 60],
  [10, 60],
];

test.each([
  { boxes: [{ x: 10, y: 20, w: 30, h: 40, label: "car", score: 0.926 }] },
  { detections: [{ bbox: [10, 20, 30, 40], class: "car", confidence: 0.926 }] },
  { objects: [{ xyxy: [10, 20, 40, 60], name: "car", probability: 0.926 }] },
  [{ x1: 10, y1: 20, x2: 40, y2: 60, category: "car", score: 0.926 }],
  { x: 10, y: 20, width: 30, height: 40, label: "car", score: 0.926 },
])("reads the box of %j", (value) => {
  expect(shapesOf(value, SIZE)).toEqual([{ kind: "line", points: CORNERS, label: "car 0.93" }]);
});

test("reads polygons, keypoints and parts of the size", () => {
  const polygon = { polygon: [0, 0, 640, 0, 640, 480], label: "floor" };
  const keypoints = { keypoints: [{ x: 5, y: 6 }, [7, 8], "none"] };
  expect(shapesOf({ shapes: [polygon, keypoints] }, SIZE)).toEqual([
    {
      kind: "line",
      points: [
        [0, 0],
        [640, 0],
        [640, 480],
      ],
      label: "floor",
    },
    {
      kind: "points",
      points: [
        [5, 6],
        [7, 8],
      ],
      label: "",
    },
  ]);
  expect(shapesOf([{ bbox: [0.5, 0.5, 0.25, 0.5] }], SIZE)[0]?.points[2]).toEqual([480, 480]);
});

test("reads no shape from other values", () => {
  for (const value of [
    undefined,
    null,
    5,
    "x",
    {},
    { boxes: "x" },
    { boxes: [null, 3, { x: "1" }] },
    { bbox: [1, 2] },
  ])
    expect(shapesOf(value, SIZE)).toEqual([]);
  const many = Array.from({ length: 10_000 }, () => ({ bbox: [1, 2, 3, 4] }));
  expect(shapesOf(many, SIZE)).toHaveLength(500);
});

test("finds the shapes with the id of an image, else the nearest within the tolerance", () => {
  const entryOf = (id: string) => createPulledEntry({ stream: "s", id, data: new Uint8Array() }, false);
  const entries = ["1000-0", "1040-0", "1080-0"].map(entryOf);
  expect(entryFor(entries, entryOf("1040-0"), 50)?.id).toBe("1040-0");
  expect(entryFor(entries, entryOf("1055-0"), 50)?.id).toBe("1040-0");
  expect(entryFor(entries, entryOf("1200-0"), 50)).toBeUndefined();
  expect(declaresOverlay({ view: "boxes", of: "camera" }, "camera")).toBe(true);
  expect(declaresOverlay({ view: "boxes", of: "camera" }, "other")).toBe(false);
  expect(declaresOverlay("boxes", "camera")).toBe(false);
});

test.each(["jpeg", "png", "gif", "webp"] as const)(
  "reads the size of a %s, and none of a part of it",
  async (format) => {
    const data = await sharp({ create: { width: 123, height: 45, channels: 3, background: "#123" } })
      .toFormat(format)
      .toBuffer();
    expect(imageSizeOf(data)).toEqual({ width: 123, height: 45 });
    for (let length = 0; length < 20; length++) imageSizeOf(data.subarray(0, length));
  },
);

test("reads no size from a damaged JPEG, which decoders repair", async () => {
  expect(await sharp(greyJpeg(320, 240)).metadata()).toMatchObject({ width: 320, height: 240 });
  expect(imageSizeOf(greyJpeg(30_000, 30_000))).toEqual({ width: 30_000, height: 30_000 });
  const damaged = greyJpeg(320, 240, [0, 0, 0]);
  expect((await sharp(damaged, { failOn: "none" }).metadata()).width).toBe(320);
  expect(imageSizeOf(damaged)).toBeUndefined();
});

test("reads the size of the first picture of a GIF, if it is larger than the GIF", () => {
  const header = [..."GIF89a"].map((letter) => letter.charCodeAt(0));
  const colours = new Array<number>(6).fill(0);
  const comment = [0x21, 0xfe, 2, 65, 66, 0];
  const picture = [0x2c, 0, 0, 0, 0, 0x30, 0x75, 0x30, 0x75, 0];
  const gif = Uint8Array.from([...header, 1, 0, 1, 0, 0x80, 0, 0, ...colours, ...comment, ...picture]);
  expect(imageSizeOf(gif)).toEqual({ width: 30_000, height: 30_000 });
  expect(imageSizeOf(gif.subarray(0, -2))).toBeUndefined();
});

test("zooms around the pointer, and not out beyond the whole image", () => {
  const pane = { width: 320, height: 300 };
  expect(fitted(SIZE, pane)).toEqual({ scale: 0.5, x: 0, y: 30 });
  expect(zoomed({ scale: 0.5, x: 0, y: 30 }, 2, [100, 100], SIZE, pane)).toEqual({
    scale: 1,
    x: -100,
    y: -40,
  });
  expect(zoomed({ scale: 0.5, x: 0, y: 30 }, 0.5, [100, 100], SIZE, pane)).toBeUndefined();
});

test("offers the streams of the device, those that declare it first, and selects these until the user selects others", () => {
  const streamOf = (device: string, stream: string, meta?: unknown) => ({
    key: `${device}:${stream}`,
    device,
    stream,
    meta,
  });
  const streams = [
    streamOf("rover", "camera"),
    streamOf("rover", "imu"),
    streamOf("rover", "boxes", { view: "boxes", of: "camera" }),
    streamOf("other", "boxes", { view: "boxes", of: "camera" }),
  ];
  const key = "rover:camera";
  expect(candidatesOf(streams, key).map((one) => one.key)).toEqual(["rover:boxes", "rover:imu"]);
  expect(selectedOf(streams, key, undefined)).toEqual(["rover:boxes"]);
  expect(selectedOf(streams, key, ["rover:imu", "other:boxes"])).toEqual(["rover:imu"]);
  expect(selectedOf(streams, key, [])).toEqual([]);
  expect(selectedOf([], key, ["rover:imu"])).toEqual([]);
});

test("a corner of a picture is where a clockwise turn puts it", () => {
  const topRight = [SIZE.width, 0] as const;
  expect(turnedPoint(topRight, SIZE, 0)).toEqual([640, 0]);
  expect(turnedPoint(topRight, SIZE, 1)).toEqual([480, 640]);
  expect(turnedPoint(topRight, SIZE, 2)).toEqual([0, 480]);
  expect(turnedPoint(topRight, SIZE, 3)).toEqual([0, 0]);
  expect(turnedSize(SIZE, 1)).toEqual({ width: 480, height: 640 });
  expect(turnedSize(SIZE, 2)).toEqual(SIZE);
  expect([0, 1, 2, 3].map((turns) => nextTurns(turns as 0 | 1 | 2 | 3))).toEqual([1, 2, 3, 0]);
});
