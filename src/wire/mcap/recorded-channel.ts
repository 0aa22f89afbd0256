/**
 * Channels of a recording. Each stream has one, named by its topic; a stream whose payloads are of several kinds has one for each.
 * Their metadata restores the stream. The channel `…/fields` completes entries that a message alone cannot represent
 * (`fields-message.ts`).
 */
import type { McapTypes } from "@mcap/core";
import { isBinarySchema } from "../../domain/content/declaration.ts";
import { splitKey } from "../../domain/streams/stream-name.ts";
import { decodeBase64 } from "../base64.ts";
import { type ChannelContent, channelContentOf } from "../foxglove/channel-content.ts";
import { type ChannelFormat, WRAPPERS } from "../foxglove/channel-format.ts";
import { topicOf } from "../foxglove/topic.ts";
import { valueOfJson } from "../json/value-of-json.ts";
import { bytesOfText } from "../utf8.ts";

/** A stream, as its channels describe it. */
export interface RecordedStream {
  /** Key in Redis. */
  readonly key: string;
  /** Empty if the key has no device. */
  readonly device: string;
  readonly stream: string;
  /** The stream's metadata as JSON; undefined without. */
  readonly meta: string | undefined;
  readonly contentType: string | undefined;
}

/** Names in a channel's metadata. */
const NAMES = { key: "redis.key", device: "device", stream: "stream", type: "contentType", meta: "meta" };
/** Marks the channel of further fields. */
const ROLE = "role";
const FIELDS = "fields";

/** Encoding of the messages of the channel `…/fields`. */
const FIELDS_ENCODING = "json";

/** Returns the channel of a stream for one kind of content. @param schemaId id of its schema; 0 without */
export const channelOf = (
  stream: RecordedStream,
  { encoding }: ChannelFormat,
  schemaId: number,
): Omit<McapTypes.Channel, "id"> => ({
  schemaId,
  topic: topicOf(stream.key),
  messageEncoding: encoding,
  metadata: metadataOf(stream),
});

/** Returns the channel of a stream's further fields. */
export const fieldsChannelOf = (stream: RecordedStream): Omit<McapTypes.Channel, "id"> => ({
  schemaId: 0,
  topic: `${topicOf(stream.key)}/${FIELDS}`,
  messageEncoding: FIELDS_ENCODING,
  metadata: new Map([...metadataOf(stream), [ROLE, FIELDS]]),
});

const metadataOf = ({ key, device, stream, contentType, meta }: RecordedStream): Map<string, string> =>
  new Map([
    [NAMES.key, key],
    [NAMES.device, device],
    [NAMES.stream, stream],
    ...(contentType === undefined ? [] : [[NAMES.type, contentType] as const]),
    ...(meta === undefined ? [] : [[NAMES.meta, meta] as const]),
  ]);

/** Returns the stream of a channel; undefined if this gateway did not write it. */
export function streamOfChannel({
  metadata,
}: Pick<McapTypes.Channel, "metadata">): RecordedStream | undefined {
  const key = metadata.get(NAMES.key);
  if (key === undefined) return undefined;
  const parts = splitKey(key);
  return {
    key,
    device: metadata.get(NAMES.device) ?? parts.device,
    stream: metadata.get(NAMES.stream) ?? parts.stream,
    meta: metadata.get(NAMES.meta),
    contentType: metadata.get(NAMES.type),
  };
}

/** Whether a channel contains further fields. */
export const isFieldsChannel = ({ metadata }: Pick<McapTypes.Channel, "metadata">): boolean =>
  metadata.get(ROLE) === FIELDS && metadata.has(NAMES.key);

/** Returns the schema record of a channel; undefined without a schema. */
export function schemaOf({ schema }: ChannelFormat): Omit<McapTypes.Schema, "id"> | undefined {
  if (schema === undefined) return undefined;
  const { name, encoding, data } = schema;
  const bytes = isBinarySchema(encoding) ? decodeBase64(data) : undefined;
  return { name, encoding, data: bytes ?? bytesOfText(data) };
}

/** Identifies the channels of a stream: contents with the same key share one. */
export function contentKey(content: ChannelContent): string {
  return content.kind === "video" || content.kind === "compressed-audio"
    ? `${content.kind} ${content.format}`
    : content.kind;
}

const WRAPPED_KINDS: ReadonlyMap<string, keyof typeof WRAPPERS> = new Map(
  (Object.keys(WRAPPERS) as (keyof typeof WRAPPERS)[]).map((kind) => [WRAPPERS[kind], kind]),
);

/** Returns the content of a channel, as far as its messages must be unwrapped. */
export function contentOfChannel(
  { metadata, messageEncoding }: Pick<McapTypes.Channel, "metadata" | "messageEncoding">,
  schema: Pick<McapTypes.Schema, "name"> | undefined,
): ChannelContent {
  const kind = messageEncoding === "protobuf" ? WRAPPED_KINDS.get(schema?.name ?? "") : undefined;
  switch (kind) {
    case "text":
      return { kind };
    case "image":
    case "video":
    case "compressed-audio":
      return { kind, format: "" };
    case "audio": {
      // The metadata states the byte order of the samples, which the message always has little-endian.
      const content = channelContentOf(valueOfJson(metadata.get(NAMES.meta)), undefined);
      return content.kind === "audio" ? content : { kind, pcm: { rate: 0, channels: 0, format: "s16" } };
    }
    default:
      return { kind: "bytes" };
  }
}
