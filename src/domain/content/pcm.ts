/** PCM audio: reads the sample format from a stream's metadata or a WAV header. */
import { essenceOf, parameterOf } from "./media-type.ts";

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

/** Range of sample rates that browsers can play (Web Audio, "BaseAudioContext.createBuffer"). */
const MIN_RATE = 3000;
const MAX_RATE = 768_000;
const MAX_CHANNELS = 32;

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
  if (!(rate >= MIN_RATE && rate <= MAX_RATE)) return undefined;
  const channels = Number(oneOf(CHANNEL_NAMES) ?? fromType("channels") ?? 1);
  const usual = essenceOf(contentType) === "audio/l16" ? "s16be" : DEFAULT_PCM.format;
  const spelled = String(oneOf(FORMAT_NAMES) ?? "");
  return {
    rate,
    channels: Number.isInteger(channels) && channels >= 1 && channels <= MAX_CHANNELS ? channels : 1,
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
