/**
 * Decides whether a chunk is worth compressing. Images and videos do not get smaller, and compressing them costs several times as
 * much as writing them, so a chunk is judged by samples of it.
 */

const SAMPLES = 8;
/** Long enough for zstd to find repetitions. */
const SAMPLE_BYTES = 8 * 1024;
/** Size of the compressed samples, as a share of the samples, from which a chunk is stored as it is. */
const MAX_SHARE = 0.95;

/** Returns whether compression saves a noticeable part of the bytes. */
export function isCompressible(bytes: Uint8Array, compress: (bytes: Uint8Array) => Uint8Array): boolean {
  if (bytes.length <= SAMPLES * SAMPLE_BYTES) return true;
  const samples = new Uint8Array(SAMPLES * SAMPLE_BYTES);
  const distance = (bytes.length - SAMPLE_BYTES) / (SAMPLES - 1);
  for (let i = 0; i < SAMPLES; i++) {
    const from = Math.floor(i * distance);
    samples.set(bytes.subarray(from, from + SAMPLE_BYTES), i * SAMPLE_BYTES);
  }
  return compress(samples).length < MAX_SHARE * samples.length;
}
