/** Encodes the entries of a channel as message data of a subscription. */
import type { StreamEntries } from "../../../domain/streams/entry.ts";
import type { Encoder } from "../../../live/sink.ts";
import type { LiveChannel } from "../../../wire/foxglove/live-channel.ts";
import { messageHeads } from "../../../wire/foxglove/server-messages.ts";
import { JOIN_BELOW_BYTES } from "../../response/byte-sink.ts";
import { bytesOfChunks, type Chunks } from "../../response/memory/chunks.ts";
import { createFrameWriter } from "../../websocket-protocol/frames/frame-writer.ts";

/** Encoded messages. */
export interface MessageFrame extends Chunks {
  /** Topic of the channel if entries are left out, because their payload does not have the channel's content. */
  readonly hiddenOf: string | undefined;
}

/** Bytes of a message besides its payload: the frame header, the head, and the fields before a wrapped payload. */
const MESSAGE_BYTES = 96;

/** Subscription ids below this share their frames. Viewers count from 0, so viewers with the same layout have the same ids. */
const SHARED_IDS = 1000;

/** Creates the encoder of a subscription. */
export const createMessageEncoder = (
  subscriptionId: number,
  channel: LiveChannel,
): Encoder<MessageFrame> => ({
  form: subscriptionId < SHARED_IDS ? `foxglove ${subscriptionId} ${channel.form}` : undefined,
  encode: (streams) => encode(subscriptionId, channel, streams),
  bytesOf: bytesOfChunks,
});

function encode(
  subscriptionId: number,
  channel: LiveChannel,
  streams: readonly StreamEntries[],
): MessageFrame {
  const out = createFrameWriter(capacityFor(streams));
  const headOf = messageHeads(subscriptionId);
  let hiddenOf: string | undefined;
  for (const { entries } of streams)
    for (const entry of entries) {
      const message = channel.encode(entry);
      if (message === undefined) hiddenOf = channel.topic;
      else out.binary([headOf(entry.id), ...message]);
    }
  const { parts, bytes } = out.take();
  // V8 gives each object literal that begins with a spread a shape of its own, and every access to a frame would pay for it.
  return { parts, bytes, hiddenOf };
}

function capacityFor(streams: readonly StreamEntries[]): number {
  let bytes = 0;
  for (const { entries } of streams)
    for (const { data } of entries)
      bytes += MESSAGE_BYTES + (data.length < JOIN_BELOW_BYTES ? data.length : 0);
  return bytes;
}
