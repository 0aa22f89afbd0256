/** PCM audio: reads the sample format from metadata or a WAV header, decodes samples, and detects audio by its waveform. */
import { essenceOf, parameterOf } from "../../src/domain/content/media-type.ts";

/** Sample formats, little-endian except `s16be`. */
export const SAMPLE_FORMATS = ["s16", "f32", "s32", "u8", "s16be"] as const;

/** PCM format. */
export interface PcmFormat {
  readonly format: (typeof SAMPLE_FORMATS)[number];
  /** Samples per second and channel. */
  readonly rate: number;
  /** Number of interleaved channels. */
  readonly channels: number;
}

/** Default format. */
export const DEFAULT_PCM: PcmFormat = { format: "s16", rate: 16_000, channels: 1 };

const BYTES: Readonly<Record<PcmFormat["format"], number>> = { s16: 2, f32: 4, s32: 4, u8: 1, s16be: 2 };
/** Range of sample rates that browsers can play (Web Audio, "BaseAudioContext.createBuffer"). */
const LEAST_RATE = 3000;
const MOST_RATE = 768_000;
const MOST_CHANNELS = 32;

/** Names of these values in the metadata of common programs. */
const RATE_NAMES = ["sampleRate", "sample_rate", "samplerate", "rate", "hz"];
const CHANNEL_NAMES = ["channels", "channelCount", "n_channels", "nchannels"];
const FORMAT_NAMES = ["sampleFormat", "sample_format", "format", "dtype", "encoding"];
const SPELLINGS: Readonly<Record<PcmFormat["format"], RegExp>> = {
  s16: /^(s16(_?le)?|pcm_?s16(_?le)?|<?i2|int16|pcm16|linear16)$/i,
  f32: /^(f32(_?le)?|pcm_?f32(_?le)?|<?f4|float32|float)$/i,
  s32: /^(s32(_?le)?|pcm_?s32(_?le)?|<?i4|int32)$/i,
  u8: /^(u8|pcm_?u8|\|?u1|uint8)$/i,
  s16be: /^(s16_?be|pcm_?s16_?be|>i2)$/i,
};

/**
 * Reads the format from metadata, at the top level or below `audio`: from members such as `sampleRate`, and from a content
 * type such as `audio/L16;rate=16000`, whose samples are big-endian (RFC 2586). Undefined without a sample rate.
 */
export function pcmOfMeta(meta: unknown): PcmFormat | undefined {
  if (typeof meta !== "object" || meta === null) return undefined;
  if ("audio" in meta) return pcmOfMeta(meta.audio);
  const members = new Map<string, unknown>(Object.entries(meta));
  const oneOf = (names: readonly string[]) =>
    names.map((name) => members.get(name)).find((one) => one != null);
  const contentType = String(members.get("contentType") ?? "");
  const isAudio = essenceOf(contentType).startsWith("audio/");
  const fromType = (name: string) => (isAudio ? parameterOf(contentType, name) : undefined);
  const rate = Number(oneOf(RATE_NAMES) ?? fromType("rate"));
  if (!(rate >= LEAST_RATE && rate <= MOST_RATE)) return undefined;
  const channels = Number(oneOf(CHANNEL_NAMES) ?? fromType("channels") ?? 1);
  const usual = essenceOf(contentType) === "audio/l16" ? "s16be" : DEFAULT_PCM.format;
  const spelled = String(oneOf(FORMAT_NAMES) ?? "");
  return {
    rate,
    channels: Number.isInteger(channels) && channels >= 1 && channels <= MOST_CHANNELS ? channels : 1,
    format: SAMPLE_FORMATS.find((format) => SPELLINGS[format].test(spelled)) ?? usual,
  };
}

/** Format codes of the `fmt ` chunk of a WAV file. */
const WAV_INTEGER = 1;
const WAV_FLOAT = 3;

/** Returns format and samples of a WAV file; undefined for other payloads. */
export function readWav(
  data: Uint8Array,
): { readonly pcm: PcmFormat; readonly samples: Uint8Array } | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const word = (at: number) => String.fromCharCode(...data.subarray(at, at + 4));
  if (data.length < 12 || word(0) !== "RIFF" || word(8) !== "WAVE") return undefined;
  let pcm: PcmFormat | undefined;
  for (let at = 12; at + 8 <= data.length; ) {
    const size = view.getUint32(at + 4, true);
    if (word(at) === "fmt " && at + 24 <= data.length) {
      const code = view.getUint16(at + 8, true);
      const bits = view.getUint16(at + 22, true);
      const format =
        code === WAV_FLOAT && bits === 32
          ? "f32"
          : code === WAV_INTEGER
            ? ({ 8: "u8", 16: "s16", 32: "s32" } as const)[bits]
            : undefined;
      if (format === undefined) return undefined;
      pcm = { format, channels: view.getUint16(at + 10, true), rate: view.getUint32(at + 12, true) };
    } else if (word(at) === "data" && pcm !== undefined) {
      return { pcm, samples: data.subarray(at + 8, Math.min(at + 8 + size, data.length)) };
    }
    // Chunks are aligned to even offsets.
    at += 8 + size + (size % 2);
  }
  return undefined;
}

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

/** Minimum and maximum number of samples for the detection of audio. */
const LEAST_GUESSED = 128;
const MOST_GUESSED = 2048;
/** Mean difference of consecutive samples relative to their mean magnitude: lower in audio, above 1 in noise. */
const MOST_MOVE = 0.6;
/** Minimum mean magnitude. Counters with small values are smooth, too. */
const LEAST_LOUD = 0.002;

/** Whether bytes look like audio samples: consecutive samples differ little. */
export function looksLikeSound(data: Uint8Array): boolean {
  return (["s16", "f32"] as const).some((format) => {
    if (data.length % BYTES[format] !== 0 || data.length < LEAST_GUESSED * BYTES[format]) return false;
    const head = data.subarray(0, MOST_GUESSED * BYTES[format]);
    const [samples = new Float32Array()] = samplesOf(head, { ...DEFAULT_PCM, format });
    let size = 0;
    let move = 0;
    for (let i = 1; i < samples.length; i++) {
      const sample = samples[i] ?? 0;
      if (!(Math.abs(sample) <= 1.5)) return false;
      size += Math.abs(sample);
      move += Math.abs(sample - (samples[i - 1] ?? 0));
    }
    return size / samples.length > LEAST_LOUD && move < size * MOST_MOVE;
  });
}
