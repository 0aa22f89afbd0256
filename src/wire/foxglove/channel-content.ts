/**
 * Content of a channel: which kind of message the payloads of a stream become, by the declared content type or by a
 * payload. Live channels and recordings use it, so that a stream is the same in both.
 */
import { readDeclaration, type Schema } from "../../domain/content/declaration.ts";
import { guessType, imageTypeOf } from "../../domain/content/detection.ts";
import { essenceOf, parseMediaType } from "../../domain/content/media-type.ts";
import { type PcmFormat, pcmOfMeta } from "../../domain/content/pcm.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import { textOf } from "../utf8.ts";

/** PCM as `foxglove.RawAudio` can carry it: 16 bits. */
export interface Pcm16 extends PcmFormat {
  readonly format: "s16" | "s16be";
}

/** Schema that describes the payloads themselves. */
export type DeclaredSchema = Required<Schema>;

/** Content of a channel. */
export type ChannelContent =
  /** `foxglove.CompressedImage`. The format is that of payloads without a known signature: `jpeg`, `avif`, … */
  | { readonly kind: "image"; readonly format: string }
  /** `foxglove.RawAudio`. */
  | { readonly kind: "audio"; readonly pcm: Pcm16 }
  /** `foxglove.CompressedAudio`. */
  | { readonly kind: "compressed-audio"; readonly format: string }
  /** `foxglove.CompressedVideo`. */
  | { readonly kind: "video"; readonly format: string }
  /** `foxglove.Log`. */
  | { readonly kind: "text" }
  | { readonly kind: "json"; readonly schema: DeclaredSchema | undefined }
  | { readonly kind: "msgpack"; readonly schema: DeclaredSchema | undefined }
  /** Payloads in an encoding whose schema is declared, such as Protocol Buffers. */
  | { readonly kind: "declared"; readonly encoding: string; readonly schema: DeclaredSchema }
  /** Any other payloads. */
  | { readonly kind: "bytes" };

/** Formats of `foxglove.CompressedVideo` by media type. */
const VIDEO_FORMATS: Readonly<Record<string, string>> = {
  "video/h264": "h264",
  "video/avc": "h264",
  "video/h265": "h265",
  "video/hevc": "h265",
  "video/vp9": "vp9",
  "video/av1": "av1",
};

/** Formats of `foxglove.CompressedAudio` by media type. */
const AUDIO_FORMATS: Readonly<Record<string, string>> = { "audio/opus": "opus", "audio/aac": "mp4a.40.2" };

/** Encodings of messages by the encoding of their schema (MCAP registry). JSON Schema is not among them: it also describes MessagePack. */
const MESSAGE_ENCODINGS: Readonly<Record<string, string>> = {
  protobuf: "protobuf",
  flatbuffer: "flatbuffer",
  ros1msg: "ros1",
  ros2msg: "cdr",
  ros2idl: "cdr",
  omgidl: "cdr",
};

/** Media types of raw PCM. Metadata may describe samples without a type, too. */
const PCM = /^audio\/(l16|pcm|x-pcm|raw|x-raw|basic|vnd\.wave\+raw)$/;

/**
 * Determines the content of a stream.
 *
 * @param meta the stream's metadata, which may declare its content
 * @param sample an entry of the stream, usually the first or the newest
 */
export function channelContentOf(meta: unknown, sample: Entry | undefined): ChannelContent {
  const { declaration } = readDeclaration(meta);
  const schema = wholeSchema(declaration.schema);
  const type = (sample && declaredTypeOf(sample)) ?? declaration.contentType;
  return contentOfType(type, meta, schema) ?? contentOfSample(meta, schema, sample?.data);
}

/** Returns the content that the metadata states of all payloads without a type of their own; undefined if it depends on the payload. */
export function declaredContentOf(meta: unknown): ChannelContent | undefined {
  const { declaration } = readDeclaration(meta);
  return contentOfType(declaration.contentType, meta, wholeSchema(declaration.schema));
}

/** Returns the content type that the entry itself declares, in its field `content-type`. */
export function declaredTypeOf({ fields }: Entry): string | undefined {
  const field = fields?.get("content-type");
  return field instanceof Uint8Array ? parseMediaType(textOf(field) ?? "") : undefined;
}

/** Returns a schema that has all parts; undefined if it lacks one. */
const wholeSchema = (schema: Schema | undefined): DeclaredSchema | undefined =>
  schema?.encoding === undefined || schema.data === undefined
    ? undefined
    : { name: schema.name, encoding: schema.encoding, data: schema.data };

const jsonSchemaOf = (schema: DeclaredSchema | undefined): DeclaredSchema | undefined =>
  schema?.encoding === "jsonschema" ? schema : undefined;

function contentOfType(
  type: string | undefined,
  meta: unknown,
  schema: DeclaredSchema | undefined,
): ChannelContent | undefined {
  const essence = type === undefined ? "" : essenceOf(type);
  const known = essence === "" ? undefined : contentOfKnownType(essence, meta, schema);
  if (known !== undefined) return known;
  const encoding = schema && MESSAGE_ENCODINGS[schema.encoding];
  if (schema !== undefined && encoding !== undefined) return { kind: "declared", encoding, schema };
  return essence === "" ? undefined : { kind: "bytes" };
}

function contentOfKnownType(
  essence: string,
  meta: unknown,
  schema: DeclaredSchema | undefined,
): ChannelContent | undefined {
  if (essence.startsWith("image/")) return { kind: "image", format: imageFormat(essence) };
  if (PCM.test(essence)) {
    const pcm = pcm16Of(meta);
    return pcm && { kind: "audio", pcm };
  }
  const audio = AUDIO_FORMATS[essence];
  if (audio !== undefined) return { kind: "compressed-audio", format: audio };
  const video = VIDEO_FORMATS[essence];
  if (video !== undefined) return { kind: "video", format: video };
  if (essence.startsWith("text/")) return { kind: "text" };
  if (/^application\/(.*\+)?json$/.test(essence)) return { kind: "json", schema: jsonSchemaOf(schema) };
  if (/^application\/(vnd\.|x-)?msgpack$/.test(essence))
    return { kind: "msgpack", schema: jsonSchemaOf(schema) };
  return undefined;
}

/** Determines the content by a payload. */
function contentOfSample(
  meta: unknown,
  schema: DeclaredSchema | undefined,
  sample: Uint8Array | undefined,
): ChannelContent {
  const guessed = sample && guessType(sample);
  const pcm = pcm16Of(meta);
  // Samples may happen to be valid MessagePack; the metadata states that they are samples.
  const isSound = pcm !== undefined && (guessed === undefined || guessed === "application/msgpack");
  if (isSound) return { kind: "audio", pcm };
  return contentOfType(guessed, meta, schema) ?? { kind: "bytes" };
}

function pcm16Of(meta: unknown): Pcm16 | undefined {
  const pcm = pcmOfMeta(meta);
  return pcm?.format === "s16" || pcm?.format === "s16be" ? { ...pcm, format: pcm.format } : undefined;
}

const imageFormat = (essence: string): string => {
  const format = essence.slice("image/".length);
  return format === "jpg" || format === "pjpeg" ? "jpeg" : format;
};

/** Returns the format of an image: by its signature, or else as declared. */
export function imageFormatOf(data: Uint8Array, declared: string): string {
  const type = imageTypeOf(data);
  return type === undefined ? declared : imageFormat(type);
}
