/** Spectrum of a piece of sound, by a fast Fourier transform. */

/** Samples of a spectrum, a power of two: 64 ms at 16 kHz. */
export const SPECTRUM_SAMPLES = 1024;
/** Number of frequencies in a spectrum, from 0 to half of the sample rate. */
export const BINS = SPECTRUM_SAMPLES / 2;
/** Quietest level that is shown, dB relative to a full sine. */
const QUIETEST_DB = -90;

/** Hann window: a piece that is cut out of a tone would otherwise have all frequencies. */
const WINDOW = Float64Array.from(
  { length: SPECTRUM_SAMPLES },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SPECTRUM_SAMPLES),
);
/** Amplitude of a full sine in the transform of the window. */
const FULL = SPECTRUM_SAMPLES / 4;
const COSINES = Float64Array.from({ length: BINS }, (_, i) => Math.cos((2 * Math.PI * i) / SPECTRUM_SAMPLES));
const SINES = Float64Array.from({ length: BINS }, (_, i) => -Math.sin((2 * Math.PI * i) / SPECTRUM_SAMPLES));

/**
 * Returns the level of each frequency: 0 is silence, 255 a full sine.
 *
 * @param samples `SPECTRUM_SAMPLES` of them, from -1 to 1
 */
export function spectrumOf(samples: Float32Array): Uint8Array {
  const real = new Float64Array(SPECTRUM_SAMPLES);
  const imaginary = new Float64Array(SPECTRUM_SAMPLES);
  for (let i = 0; i < SPECTRUM_SAMPLES; i++) real[reversed(i)] = (samples[i] ?? 0) * (WINDOW[i] ?? 0);
  transform(real, imaginary);
  return Uint8Array.from({ length: BINS }, (_, i) => {
    const db = 20 * Math.log10(Math.hypot(real[i] ?? 0, imaginary[i] ?? 0) / FULL);
    return Math.max(0, Math.min(255, Math.round(255 * (1 - db / QUIETEST_DB))));
  });
}

/** Returns a position with its bits in reverse order, which is where the transform expects a sample. */
function reversed(position: number): number {
  let result = 0;
  for (let bit = 1; bit < SPECTRUM_SAMPLES; bit <<= 1)
    result = (result << 1) | ((position & bit) === 0 ? 0 : 1);
  return result;
}

/** Transforms in place (Cooley and Tukey, radix 2). */
function transform(real: Float64Array, imaginary: Float64Array): void {
  for (let size = 2; size <= SPECTRUM_SAMPLES; size *= 2) {
    const half = size / 2;
    const step = SPECTRUM_SAMPLES / size;
    for (let start = 0; start < SPECTRUM_SAMPLES; start += size)
      for (let i = 0; i < half; i++) {
        const [even, odd] = [start + i, start + i + half];
        const [cos, sin] = [COSINES[i * step] ?? 0, SINES[i * step] ?? 0];
        const [a, b] = [real[odd] ?? 0, imaginary[odd] ?? 0];
        const [x, y] = [a * cos - b * sin, a * sin + b * cos];
        const [u, v] = [real[even] ?? 0, imaginary[even] ?? 0];
        real[odd] = u - x;
        imaginary[odd] = v - y;
        real[even] = u + x;
        imaginary[even] = v + y;
      }
  }
}
