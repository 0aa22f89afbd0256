// cspell:ignore Efmt
import { expect, test } from "vitest";
import { looksLikeSound, pcmOfMeta, readWav, samplesOf } from "../../../console/viewers/pcm.ts";

const wave = (samples: number, loud = 8000) =>
  new Uint8Array(Int16Array.from({ length: samples }, (_, i) => loud * Math.sin(i / 10)).buffer);

function wavOf(samples: Uint8Array): Uint8Array {
  const header = new Uint8Array(44);
  const view = new DataView(header.buffer);
  const word = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  word(0, "RIFF");
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, 44_100, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, samples.length, true);
  return new Uint8Array([...header, ...samples]);
}

test.each([
  [
    { sampleRate: 48_000, channels: 2, format: "f32le" },
    { rate: 48_000, channels: 2, format: "f32" },
  ],
  [{ audio: { rate: "8000", dtype: "uint8" } }, { rate: 8000, channels: 1, format: "u8" }],
  [
    { sample_rate: 16_000, channels: 99, format: "opus" },
    { rate: 16_000, channels: 1, format: "s16" },
  ],
  [{ contentType: "audio/L16;rate=16000;channels=2" }, { rate: 16_000, channels: 2, format: "s16be" }],
  [{ contentType: "audio/pcm;rate=24000" }, { rate: 24_000, channels: 1, format: "s16" }],
  [
    { contentType: "audio/L16;rate=16000", sampleRate: 8000, format: "s16le" },
    { rate: 8000, channels: 1, format: "s16" },
  ],
  [{ contentType: "text/plain;rate=16000" }, undefined],
  [{ contentType: 5 }, undefined],
  [{ rate: 100, unit: "m" }, undefined],
  [{ channels: 2 }, undefined],
  ["44100", undefined],
])("reads metadata %j as %j", (meta, pcm) => {
  expect(pcmOfMeta(meta)).toEqual(pcm);
});

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

test("reads the format of a WAV file and rejects truncated headers", () => {
  const samples = wave(10);
  const wav = readWav(wavOf(samples));
  expect(wav?.pcm).toEqual({ format: "s16", channels: 2, rate: 44_100 });
  expect(wav?.samples).toEqual(samples);
  for (let length = 0; length < 44; length++)
    expect(readWav(wavOf(samples).subarray(0, length))).toBeUndefined();
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
