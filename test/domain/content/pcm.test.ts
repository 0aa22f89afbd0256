// cspell:ignore Efmt
import { expect, test } from "vitest";
import { pcmOfMeta, readWav } from "../../../src/domain/content/pcm.ts";

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

test("reads the format of a WAV file and rejects truncated headers", () => {
  const samples = Uint8Array.from({ length: 20 }, (_, i) => i);
  const wav = readWav(wavOf(samples));
  expect(wav?.pcm).toEqual({ format: "s16", channels: 2, rate: 44_100 });
  expect(wav?.samples).toEqual(samples);
  for (let length = 0; length < 44; length++)
    expect(readWav(wavOf(samples).subarray(0, length))).toBeUndefined();
});
