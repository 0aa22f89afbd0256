/** Positions of a GPS receiver, poses of a robot, and their projection without a map. */
import { expect, test } from "vitest";
import { createPulledEntry } from "../../../../client/reading/entry.ts";
import { drawnTrack } from "../../../../console/viewers/track/drawn-track.ts";
import { poseOf, posePaths, poseText } from "../../../../console/viewers/track/poses.ts";
import { pathsOf, positionOf, TrackEntries } from "../../../../console/viewers/track/positions.ts";
import { centred, flatten, positionText, scaleBar } from "../../../../console/viewers/track/projection.ts";
import { viewOf } from "../../../../console/viewers/viewers.ts";

const entryOf = (value: unknown, n = 0, isAfterGap = false) =>
  createPulledEntry(
    { stream: "s", id: `${1000 + n}-0`, data: new TextEncoder().encode(JSON.stringify(value)) },
    isAfterGap,
  );

test.each([
  [{ latitude: 52.5, longitude: 4.25, speed: 2 }],
  [{ Lat: 52.5, Lng: 4.25 }],
  [{ time: 5, fix: { lat: 52.5, lon: 4.25, alt: 3 } }],
])("reads the position of %j, and shows the track", (value) => {
  const entry = entryOf(value);
  expect(positionOf(entry)).toEqual({ latitude: 52.5, longitude: 4.25 });
  expect(viewOf(entry)).toBe("track");
});

test.each([
  [{ latitude: 0, longitude: 0 }],
  [{ latitude: 91, longitude: 4 }],
  [{ latitude: 52, longitude: "4" }],
  [{ a: { latitude: 52 }, b: { longitude: 4 } }],
  [{ latitude: 52 }],
  [{ x: 1, y: 2 }],
])("%j has no position, and is a plot", (value) => {
  expect(positionOf(entryOf(value))).toBeUndefined();
  expect(viewOf(entryOf(value))).toBe("plot");
});

const TURN = { x: 0, y: 0, z: Math.SQRT1_2, w: Math.SQRT1_2 };
test.each([
  [{ position: { x: 1, y: 2, z: 0 }, orientation: TURN }],
  [{ pose: { position: { x: 1, y: 2 }, orientation: TURN } }],
  [{ translation: { x: 1, y: 2 }, rotation: TURN }],
  [{ x: 1, y: 2, theta: Math.PI / 2 }],
  [{ pose: { x: 1, y: 2, yaw: Math.PI / 2 } }],
])("reads the pose of %j, and shows the track", (value) => {
  const pose = poseOf(entryOf(value));
  expect([pose?.x, pose?.y]).toEqual([1, 2]);
  expect(pose?.yaw).toBeCloseTo(Math.PI / 2);
  expect(viewOf(entryOf(value))).toBe("track");
});

test.each([
  [{ acc: { x: 1, y: 2 }, yaw: 1 }],
  [{ x: 1, y: 2, heading: 90 }],
  [{ position: { x: 1 }, yaw: 1 }],
  [{ position: { x: 1, y: 2 }, orientation: { z: 1 } }],
])("%j has no pose, and is a plot", (value) => {
  expect(poseOf(entryOf(value))).toBeUndefined();
  expect(viewOf(entryOf(value))).toBe("plot");
});

test("poses are in a plane of metres, of which the middle is at 0, 0", () => {
  const at = (x: number, y: number, isAfterGap = false) => entryOf({ x, y, yaw: 0 }, 0, isAfterGap);
  const track = centred(posePaths([at(10, 5), at(14, 5), entryOf({ a: 1 }), at(14, 8, true)]));
  expect(track).toEqual({
    paths: [
      [
        [-2, -1.5],
        [2, -1.5],
      ],
      [[2, 1.5]],
    ],
    width: 4,
    height: 3,
  });
  expect(centred(posePaths([at(7, 7)]))).toEqual({ paths: [[[0, 0]]], width: 1, height: 1 });
  expect(centred([])).toBeUndefined();
  expect(poseText({ x: 1, y: -0.4, yaw: Math.PI })).toBe("x 1.00 m, y -0.40 m, 180°");
});

test("a gap ends a path, and an entry without a position does not", () => {
  const at = (longitude: number) => ({ latitude: 52, longitude });
  const entries = [
    entryOf(at(1)),
    entryOf({ x: 1 }),
    entryOf(at(2)),
    entryOf(at(3), 3, true),
    entryOf(at(4)),
  ];
  expect(pathsOf(entries).map((path) => path.map(({ longitude }) => longitude))).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test("keeps entries that left the window; another moment begins another track", () => {
  const all = Array.from({ length: 10 }, (_, n) => entryOf({ n }, n));
  const track = new TrackEntries();
  expect(track.follow(all.slice(0, 4))).toHaveLength(4);
  expect(track.follow(all.slice(2, 8))).toEqual(all.slice(0, 8));
  expect(track.follow(all.slice(0, 3))).toEqual(all.slice(0, 3));
  expect(track.follow([])).toEqual([]);
});

test("projects to metres, also across 180° of longitude and for a device that stands still", () => {
  const flat = flatten([
    [
      { latitude: 59.9995, longitude: 10 },
      { latitude: 60.0005, longitude: 10.002 },
    ],
  ]);
  expect(flat?.height).toBeCloseTo(111.32, 2);
  expect(flat?.width).toBeCloseTo(111.32, 1);
  expect(flat?.paths[0]?.map((point) => point.map(Math.round))).toEqual([
    [-56, -56],
    [56, 56],
  ]);
  const across = flatten([
    [
      { latitude: 0.0005, longitude: 179.9995 },
      { latitude: 0.0005, longitude: -179.9995 },
    ],
  ]);
  expect(across?.width).toBeCloseTo(111.32, 1);
  expect(flatten([[{ latitude: 1, longitude: 1 }]])).toEqual({ paths: [[[0, 0]]], width: 10, height: 10 });
  expect(flatten([])).toBeUndefined();
});

test.each([
  [0.37, 0.2, "20 cm"],
  [1, 1, "1 m"],
  [49.9, 20, "20 m"],
  [999, 500, "500 m"],
  [7300, 5000, "5 km"],
])("the scale bar for %d m has %d m: %s", (maxMetres, metres, text) => {
  const bar = scaleBar(maxMetres);
  expect(bar.text).toBe(text);
  expect(bar.metres).toBeCloseTo(metres, 6);
});

test("formats a position", () => {
  expect(positionText({ latitude: -52.0116, longitude: 4.3571 })).toBe("52.01160° S, 4.35710° E");
});

test("marks the place at the cursor, and shows its position; without a cursor the newest one", () => {
  const fixes = [0, 1, 2].map((n) => entryOf({ lat: 52, lon: 4 + n / 1000 }, n * 100));
  const plain = drawnTrack(fixes, undefined);
  expect([plain.marked, plain.text]).toEqual([undefined, "52.00000° N, 4.00200° E"]);
  const pointed = drawnTrack(fixes, 1150);
  expect(pointed.track).toEqual(plain.track);
  expect(pointed.marked).toEqual(plain.track?.paths[0]?.[1]);
  expect(pointed.text).toBe("52.00000° N, 4.00100° E");
  expect(drawnTrack(fixes, 999).marked).toBeUndefined();

  const poses = [0, 1, 2].map((n) => entryOf({ x: n, y: 0, theta: n }, n * 100));
  expect(drawnTrack(poses, 1100)).toMatchObject({ marked: [0, 0], yaw: 2, text: "x 1.00 m, y 0.00 m, 57°" });
  expect(drawnTrack([], 1100)).toMatchObject({ track: undefined, marked: undefined, text: "No position." });
});
