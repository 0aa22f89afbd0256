/** Format of a channel: its encoding and its schema, in the terms of MCAP and of the Foxglove protocol. */
import type { ChannelContent } from "./channel-content.ts";
import { DESCRIPTOR_SETS, type FoxgloveMessage } from "./schemas.ts";

/** Encoding and schema of a channel. */
export interface ChannelFormat {
  /** Encoding of the messages: `protobuf`, `json`, `msgpack`, …; `application/octet-stream` for any bytes. */
  readonly encoding: string;
  /** Undefined for messages that have none. */
  readonly schema: ChannelSchema | undefined;
}

/** Schema of a channel. */
export interface ChannelSchema {
  readonly name: string;
  readonly encoding: string;
  /** The schema: text, or base64 if the encoding is binary (`isBinarySchema`). */
  readonly data: string;
}

/** Messages that payloads are wrapped in, by kind of content. */
export const WRAPPERS = {
  image: "foxglove.CompressedImage",
  audio: "foxglove.RawAudio",
  "compressed-audio": "foxglove.CompressedAudio",
  video: "foxglove.CompressedVideo",
  text: "foxglove.Log",
} as const satisfies Partial<Record<ChannelContent["kind"], FoxgloveMessage>>;

/** Returns the format in which a recording stores a channel. */
export function channelFormatOf(content: ChannelContent): ChannelFormat {
  switch (content.kind) {
    case "image":
    case "audio":
    case "compressed-audio":
    case "video":
    case "text":
      return wrapped(WRAPPERS[content.kind]);
    case "json":
    case "msgpack":
      return { encoding: content.kind, schema: content.schema };
    case "declared":
      return { encoding: content.encoding, schema: content.schema };
    case "bytes":
      return { encoding: "application/octet-stream", schema: undefined };
    default:
      return content satisfies never;
  }
}

const wrapped = (name: FoxgloveMessage): ChannelFormat => ({
  encoding: "protobuf",
  schema: { name, encoding: "protobuf", data: DESCRIPTOR_SETS[name] },
});
