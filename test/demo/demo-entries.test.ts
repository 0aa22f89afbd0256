import sharp from "sharp";
import { expect, test } from "vitest";
import { boxesOf, frameOf } from "../../src/demo/camera.ts";
import { entriesOf } from "../../src/demo/demo-entries.ts";
import { imuOf, motionAt, ROUND_S } from "../../src/demo/rover.ts";

/** Colours of the car and of its windows and wheels. */
const CAR = ["200,90,60", "43,47,54"];

test.each([5, 20, 33])("the box is around the car of the picture, %i s after the start", async (seconds) => {
  const motion = motionAt(seconds);
  const png = sharp(Buffer.from(frameOf(motion))).removeAlpha();
  const { data, info } = await png.raw().toBuffer({ resolveWithObject: true });
  const columns: number[] = [];
  const rows: number[] = [];
  for (let i = 0; i < info.width * info.height; i++) {
    if (!CAR.includes([...data.subarray(i * 3, i * 3 + 3)].join())) continue;
    columns.push(i % info.width);
    rows.push(Math.floor(i / info.width));
  }
  const [box] = boxesOf(motion).boxes;
  const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
  const [left, right] = [sorted(columns).at(0) ?? 0, sorted(columns).at(-1) ?? 0];
  const [top, bottom] = [sorted(rows).at(0) ?? 0, sorted(rows).at(-1) ?? 0];
  const expected = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
  for (const name of ["x", "y", "width", "height"] as const)
    expect(Math.abs((box?.[name] ?? 0) - expected[name]), name).toBeLessThan(3);
});

test("gravity is on another axis while the rover is tipped over, once per round", () => {
  const upright = imuOf(motionAt(5)).acc;
  const tipped = imuOf(motionAt(21)).acc;
  expect(upright.z).toBeGreaterThan(9);
  expect(tipped.y).toBeGreaterThan(8);
  expect(tipped.z).toBeLessThan(5);
  const states = Array.from({ length: 2 * ROUND_S * 10 }, (_, i) => motionAt(i / 10).isTipped);
  expect(states.filter((isTipped, i) => isTipped && !states[i - 1])).toHaveLength(2);
});

test("reports the fall in the log at once, and the sensors at their rates", () => {
  const counts = new Map<string, number>();
  const log: string[] = [];
  for (let tick = 0; tick < ROUND_S * 50; tick++) {
    const before = tick === 0 ? undefined : motionAt((tick - 1) / 50);
    for (const [name, data] of entriesOf(motionAt(tick / 50), tick, before)) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (name === "log") log.push(String(JSON.parse(String(data)).level));
    }
  }
  expect(counts.get("imu")).toBe(2000);
  expect(counts.get("camera")).toBe(667);
  expect(counts.get("detections")).toBe(667);
  expect(counts.get("mic")).toBe(400);
  expect(log.filter((level, i) => level === "error" && log[i - 1] !== "error")).toHaveLength(1);
});
