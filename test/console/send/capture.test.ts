import { expect, test } from "vitest";
import { MOTION_DECLARATION, motionOf, Thinning } from "../../../console/send/capture/motion.ts";
import { levelText, PcmChunks } from "../../../console/send/capture/pcm-chunks.ts";
import { fixOf, type KnownPosition, POSITION_DECLARATION } from "../../../console/send/capture/position.ts";
import { samplesOf } from "../../../console/viewers/audio/pcm.ts";
import { readDeclaration } from "../../../src/domain/content/declaration.ts";
import { pcmOfMeta } from "../../../src/domain/content/pcm.ts";

test("joins samples to chunks that the audio viewer reads", () => {
  const joined = new PcmChunks(4);
  expect(joined.add(Float32Array.of(0, 0.5, -0.5))).toEqual([]);
  const chunks = joined.add(Float32Array.of(-1, 1, 7, -7, 0, 0.25));
  expect(chunks.map(({ peak }) => peak)).toEqual([1, 1]);
  const pcm = pcmOfMeta({ contentType: "audio/L16;rate=16000;channels=1" });
  if (pcm === undefined) throw new Error("the type is not known");
  const read = chunks.flatMap(({ data }) => [...(samplesOf(data, pcm)[0] ?? [])]);
  const sent = [0, 0.5, -0.5, -1, 1, 1, -1, 0];
  expect(read.every((value, i) => Math.abs(value - (sent[i] ?? 9)) < 1e-3)).toBe(true);
  expect(read).toHaveLength(sent.length);
});

test("formats levels", () => {
  expect([1, 0.1, 0].map(levelText)).toEqual(["level 0 dB", "level -20 dB", "silence"]);
});

test("converts motion to metres and radians, with the axes of the acceleration", () => {
  const reading = {
    accelerationIncludingGravity: { x: 0.1, y: 0.2, z: 9.81 },
    rotationRate: { alpha: 60, beta: 90, gamma: -90 },
  };
  const acc = { x: 0.1, y: 0.2, z: 9.81 };
  expect(motionOf(reading, 1234.5)).toEqual({
    ...{ time: 1235, acc },
    gyro: { x: 1.5708, y: -1.5708, z: 1.0472 },
  });
  expect(motionOf({ ...reading, rotationRate: null }, 1)).toEqual({ time: 1, acc });
});

test("leaves out the readings of a computer without sensors", () => {
  for (const acc of [null, { x: null, y: null, z: null }])
    expect(motionOf({ accelerationIncludingGravity: acc, rotationRate: null }, 1)).toBeUndefined();
});

test.each([
  ["all", 240],
  [50, 200],
  [20, 80],
  [1, 4],
] as const)("of 60 readings per second keeps %s", (rate, kept) => {
  const thinning = new Thinning(rate);
  const taken = Array.from({ length: 240 }, (_, i) => thinning.takes((i * 1000) / 60)).filter(Boolean);
  expect(Math.abs(taken.length - kept)).toBeLessThanOrEqual(1);
});

test("converts a position, without what the device does not know", () => {
  const coords = {
    ...{ latitude: 52.01, longitude: 4.36, accuracy: 8, altitude: null, altitudeAccuracy: null },
    ...{ heading: Number.NaN, speed: 0 },
  };
  const position: KnownPosition = { timestamp: 1_700_000_000_250, coords };
  expect(fixOf(position)).toEqual({
    timestamp: { sec: 1_700_000_000, nsec: 250_000_000 },
    ...{ latitude: 52.01, longitude: 4.36, accuracy: 8, speed: 0 },
  });
});

test("the declarations are valid", () => {
  for (const declaration of [MOTION_DECLARATION, POSITION_DECLARATION])
    expect(readDeclaration(declaration)).toEqual({ declaration, problems: [] });
});
