/** PCM audio: decodes samples, and detects audio by its waveform. */
import { DEFAULT_PCM, type PcmFormat, readWav } from "../../../src/domain/content/pcm.ts";

const BYTES: Readonly<Record<PcmFormat["format"], number>> = { s16: 2, f32: 4, s32: 4, u8: 1, s16be: 2 };

/** Returns the samples of each channel, from -1 to 1. An incomplete last frame is dropped. */
export function samplesOf(
  data: Uint8Array,
  { format, channels }: PcmFormat,
): readonly Float32Array<ArrayBuffer>[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const width = BYTES[format];
  const frames = Math.floor(data.length / (width * channels));
  const read = {
    s16: (at: number) => view.getInt16(at, true) / 0x8000,
    s16be: (at: number) => view.getInt16(at) / 0x8000,
    s32: (at: number) => view.getInt32(at, true) / 0x8000_0000,
    f32: (at: number) => view.getFloat32(at, true),
    u8: (at: number) => (view.getUint8(at) - 0x80) / 0x80,
  }[format];
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let i = 0; i < frames; i++) samples[i] = read((i * channels + channel) * width);
    return samples;
  });
}

/** Returns the samples of each channel of a payload: WAV, or samples without a header. */
export const channelsOf = (data: Uint8Array, format: PcmFormat): readonly Float32Array<ArrayBuffer>[] =>
  samplesOf(readWav(data)?.samples ?? data, format);

/** Returns the samples of the first channel. */
export const firstChannel = (data: Uint8Array, format: PcmFormat): Float32Array<ArrayBuffer> =>
  channelsOf(data, format)[0] ?? new Float32Array();

/** Minimum and maximum number of samples for the detection of audio. */
const MIN_GUESSED = 128;
const MAX_GUESSED = 2048;
/** Mean difference of consecutive samples relative to their mean magnitude: lower in audio, above 1 in noise. */
const MAX_MOVE = 0.6;
/** Minimum mean magnitude. Counters with small values are smooth, too. */
const MIN_LOUD = 0.002;

/** Whether bytes look like audio samples: consecutive samples differ little. */
export function looksLikeSound(data: Uint8Array): boolean {
  return (["s16", "f32"] as const).some((format) => {
    if (data.length % BYTES[format] !== 0 || data.length < MIN_GUESSED * BYTES[format]) return false;
    const head = data.subarray(0, MAX_GUESSED * BYTES[format]);
    const [samples = new Float32Array()] = samplesOf(head, { ...DEFAULT_PCM, format });
    let size = 0;
    let move = 0;
    for (let i = 1; i < samples.length; i++) {
      const sample = samples[i] ?? 0;
      if (!(Math.abs(sample) <= 1.5)) return false;
      size += Math.abs(sample);
      move += Math.abs(sample - (samples[i - 1] ?? 0));
    }
    return size / samples.length > MIN_LOUD && move < size * MAX_MOVE;
  });
}
