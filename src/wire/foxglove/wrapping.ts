/**
 * Wraps payloads into the messages that Foxglove defines, and unwraps them. A message is a short prefix and the payload
 * unchanged, as its last field, so the payload is not copied.
 *
 *     CompressedImage   timestamp 1   format 3   frame_id 4   data 2
 *     RawAudio          timestamp 1   format 3   sample_rate 4   number_of_channels 5   data 2
 *     CompressedAudio   timestamp 1   format 3   data 2
 *     CompressedVideo   timestamp 1   frame_id 2   format 4   data 3
 *     Log               timestamp 1   level 2   name 4   message 3
 */
import type { Declaration } from "../../domain/content/declaration.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import { splitKey } from "../../domain/streams/stream-name.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";
import { type ChannelContent, imageFormatOf } from "./channel-content.ts";
import { secondsOf } from "./log-time.ts";
import { bytesOfField, FieldWriter, timestamp } from "./protobuf.ts";
import { topicOf } from "./topic.ts";

/** Level of `foxglove.Log` for text. */
const INFO = 2;

/** Names in the messages of a channel. */
export interface WrappedNames {
  /** Coordinate frame of images and videos. */
  readonly frameId: string;
  /** Source of text. */
  readonly name: string;
}

/** Returns the names in the messages of a stream. Its frame is its own, unless it is declared: viewers require one for images. */
export const wrappedNamesOf = (key: string, { frameId }: Declaration): WrappedNames => ({
  frameId: frameId ?? splitKey(key).stream,
  name: topicOf(key),
});

/** Creates the message of an entry. The pieces may share memory with the entry. */
export type Wrap = (entry: Entry) => Pieces;

/** Creates the encoder of a channel. Payloads of kinds without a wrapper remain as they are. */
export function createWrapper(content: ChannelContent, { frameId, name }: WrappedNames): Wrap {
  switch (content.kind) {
    case "image": {
      const frame = bytesOfText(frameId);
      return ({ id, data }) => {
        const format = bytesOfText(imageFormatOf(data, content.format));
        const out = begin(id, 4, format.length + frame.length);
        out.bytes(3, format);
        out.bytes(4, frame);
        return end(out, 2, data);
      };
    }
    case "audio": {
      const { rate, channels, format } = content.pcm;
      const swap = format === "s16be" ? swapped : unchanged;
      const pcm = bytesOfText("pcm-s16");
      return ({ id, data }) => {
        const out = begin(id, 5, pcm.length);
        out.bytes(3, pcm);
        out.fixed32(4, rate);
        out.fixed32(5, channels);
        return end(out, 2, swap(data));
      };
    }
    case "compressed-audio": {
      const format = bytesOfText(content.format);
      return ({ id, data }) => {
        const out = begin(id, 3, format.length);
        out.bytes(3, format);
        return end(out, 2, data);
      };
    }
    case "video": {
      const [frame, format] = [bytesOfText(frameId), bytesOfText(content.format)];
      return ({ id, data }) => {
        const out = begin(id, 4, frame.length + format.length);
        out.bytes(2, frame);
        out.bytes(4, format);
        return end(out, 3, data);
      };
    }
    case "text": {
      const source = bytesOfText(name);
      return ({ id, data }) => {
        const out = begin(id, 4, source.length);
        out.uint(2, INFO);
        out.bytes(4, source);
        return end(out, 3, data);
      };
    }
    default:
      return ({ data }) => [data];
  }
}

/** Numbers of the fields that contain the payload. */
const PAYLOAD_FIELDS: Readonly<Partial<Record<ChannelContent["kind"], number>>> = {
  image: 2,
  audio: 2,
  "compressed-audio": 2,
  video: 3,
  text: 3,
};

/** Returns the payload of a message, the inverse of `createWrapper`; undefined if the message is not valid. May be a view of it. */
export function unwrapMessage(content: ChannelContent, message: Uint8Array): Uint8Array | undefined {
  const field = PAYLOAD_FIELDS[content.kind];
  if (field === undefined) return message;
  const payload = bytesOfField(message, field);
  const isSwapped = content.kind === "audio" && content.pcm.format === "s16be";
  return payload !== undefined && isSwapped ? swapped(payload) : payload;
}

/** Maximum number of bytes of the timestamp of an entry. */
const TIMESTAMP_BYTES = 12;

function begin(id: Entry["id"], fields: number, textBytes: number): FieldWriter {
  const out = new FieldWriter(fields + 1, TIMESTAMP_BYTES + textBytes);
  out.bytes(1, timestamp(secondsOf(id)));
  return out;
}

function end(out: FieldWriter, field: number, data: Uint8Array): Pieces {
  if (data.length === 0) return [out.take()];
  out.head(field, data.length);
  return [out.take(), data];
}

const unchanged = (data: Uint8Array): Uint8Array => data;

/** Swaps the bytes of 16-bit samples. An odd last byte remains, so that swapping twice restores the payload. */
function swapped(data: Uint8Array): Uint8Array {
  // `slice` of a Buffer would share its memory.
  const out = new Uint8Array(data);
  for (let i = 0; i + 1 < data.length; i += 2) {
    out[i] = data[i + 1] ?? 0;
    out[i + 1] = data[i] ?? 0;
  }
  return out;
}
