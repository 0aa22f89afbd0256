/** Spectrogram of a sound: levels of its frequencies, and columns that follow the entries. */
import { expect, test } from "vitest";
import { createPulledEntry } from "../../../../client/reading/entry.ts";
import { levelColour } from "../../../../console/viewers/audio/spectrogram-canvas.ts";
import { SpectrogramColumns } from "../../../../console/viewers/audio/spectrogram-columns.ts";
import { BINS, SPECTRUM_SAMPLES, spectrumOf } from "../../../../console/viewers/audio/spectrum.ts";

const RATE = 8000;
const tone = (hertz: number, volume: number, from = 0, count = SPECTRUM_SAMPLES) =>
  Float32Array.from(
    { length: count },
    (_, i) => volume * Math.sin((2 * Math.PI * hertz * (from + i)) / RATE),
  );
const loudest = (levels: Uint8Array): number => levels.indexOf(Math.max(...levels));

test("a tone has its level at its frequency, and little elsewhere", () => {
  for (const hertz of [125, 1000, 3750]) {
    const levels = spectrumOf(tone(hertz, 1));
    const bin = (hertz * SPECTRUM_SAMPLES) / RATE;
    expect(loudest(levels)).toBe(bin);
    expect(levels[bin]).toBe(255);
    expect(Math.max(...levels.filter((_, i) => Math.abs(i - bin) > 2))).toBe(0);
  }
  // A tenth of the amplitude is 20 of 90 dB less.
  expect(spectrumOf(tone(1000, 0.1))[128]).toBe(Math.round((255 * 70) / 90));
});

test("finds both of two tones; silence has no level", () => {
  const low = tone(500, 0.5);
  const both = spectrumOf(tone(2000, 0.25).map((sample, i) => sample + (low[i] ?? 0)));
  expect([both[64], both[256]]).toEqual([
    Math.round(255 * (1 - 6.02 / 90)),
    Math.round(255 * (1 - 12.04 / 90)),
  ]);
  expect(spectrumOf(new Float32Array(SPECTRUM_SAMPLES))).toEqual(new Uint8Array(BINS));
});

test("columns are the same whether entries arrive together or one after the other", () => {
  const chunk = 777;
  const entries = Array.from({ length: 40 }, (_, n) =>
    createPulledEntry({ stream: "s", id: `${n + 1}-0`, data: Uint8Array.of(n) }, false),
  );
  const options = {
    rate: RATE,
    seconds: 5,
    columns: 50,
    samplesOf: ({ data: [n = 0] }: { readonly data: Uint8Array }) =>
      tone(200 + 90 * n, 0.5, n * chunk, chunk),
  };
  const together = new SpectrogramColumns(options).follow(entries);
  const following = new SpectrogramColumns(options);
  for (let n = 1; n <= 40; n++) following.follow(entries.slice(Math.max(0, n - 5), n));
  // 31,080 samples, a column each 800.
  expect(together).toHaveLength(38);
  expect(following.follow(entries.slice(35))).toEqual(together);
  const rising = together.map(loudest);
  expect(rising).toEqual([...rising].sort((a, b) => a - b));
  // Another moment begins again.
  expect(following.follow(entries.slice(0, 5))).toEqual(together.slice(0, 4));
});

test("keeps the columns of the last seconds", () => {
  const all = createPulledEntry({ stream: "s", id: "1-0", data: Uint8Array.of(0) }, false);
  const columns = new SpectrogramColumns({
    rate: RATE,
    seconds: 1,
    columns: 10,
    samplesOf: () => tone(1000, 1, 0, 10 * RATE),
  });
  expect(columns.follow([all])).toHaveLength(10);
});

test("louder is lighter", () => {
  const lightness = Array.from({ length: 256 }, (_, level) => {
    const [red, green, blue] = levelColour(level);
    return 0.3 * red + 0.6 * green + 0.1 * blue;
  });
  expect(lightness).toEqual([...lightness].sort((a, b) => a - b));
});
