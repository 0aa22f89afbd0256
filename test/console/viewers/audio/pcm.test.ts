import { expect, test } from "vitest";
import { looksLikeSound, samplesOf } from "../../../../console/viewers/audio/pcm.ts";

const wave = (samples: number, loud = 8000) =>
  new Uint8Array(Int16Array.from({ length: samples }, (_, i) => loud * Math.sin(i / 10)).buffer);

test("reads the samples of each channel from a view at any offset", () => {
  const bytes = new Uint8Array([0, ...new Uint8Array(Int16Array.of(0x4000, -0x8000, 0, 0x2000, 7).buffer)]);
  const [left, right] = samplesOf(bytes.subarray(1), { format: "s16", channels: 2, rate: 8000 });
  expect([...(left ?? [])]).toEqual([0.5, 0]);
  expect([...(right ?? [])]).toEqual([-1, 0.25]);
  const bigEndian = samplesOf(Uint8Array.of(0x40, 0, 0x80, 0), { format: "s16be", channels: 1, rate: 8000 });
  expect(bigEndian).toEqual([Float32Array.of(0.5, -1)]);
  const floats = new Uint8Array(Float32Array.of(0.25, -0.5).buffer);
  expect(samplesOf(floats, { format: "f32", channels: 1, rate: 8000 })).toEqual([
    Float32Array.of(0.25, -0.5),
  ]);
  expect(samplesOf(Uint8Array.of(0, 192), { format: "u8", channels: 1, rate: 8000 })).toEqual([
    Float32Array.of(-1, 0.5),
  ]);
});

test("detects audio by its waveform", () => {
  expect(looksLikeSound(wave(1000))).toBe(true);
  expect(
    looksLikeSound(new Uint8Array(Float32Array.from({ length: 500 }, (_, i) => Math.sin(i / 9)).buffer)),
  ).toBe(true);
  const noise = Uint8Array.from({ length: 4096 }, (_, i) => (i * 2_654_435_761) >>> 13);
  for (const other of [noise, new Uint8Array(4096), wave(20), wave(1000).subarray(1)])
    expect(looksLikeSound(other)).toBe(false);
});
