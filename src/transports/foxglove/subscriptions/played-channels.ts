/**
 * Subscriptions of a viewer to a playback. All of its channels are one subscription, so that their entries are merged by time
 * on one clock, which the viewer follows by the message `time`. The clock starts with the first subscription.
 */
import type { Visitor } from "../../../access/admission.ts";
import { GatewayError } from "../../../domain/errors.ts";
import type { StreamEntries } from "../../../domain/streams/entry.ts";
import {
  type EntryId,
  earlierId,
  FIRST_ID,
  idAtTime,
  idBefore,
  laterId,
  timeOfId,
} from "../../../domain/streams/entry-id.ts";
import { StreamMemory } from "../../../live/memory/stream-memory.ts";
import type { PlaybackState } from "../../../live/playback/state-reports.ts";
import type { Subscription } from "../../../live/subscription.ts";
import type { PlaybackControl, RequestedSubscription } from "../../../wire/foxglove/client-messages.ts";
import { idOfLogTime, logTimeOf, NS_PER_MS } from "../../../wire/foxglove/log-time.ts";
import {
  encodePlaybackState,
  encodeTime,
  messageHeads,
  type PlaybackReport,
} from "../../../wire/foxglove/server-messages.ts";
import type { TransportParts } from "../../parts.ts";
import { MAX_RATE, MIN_RATE } from "../../request/playback.ts";
import type { Chunks } from "../../response/memory/chunks.ts";
import { createFrameWriter } from "../../websocket-protocol/frames/frame-writer.ts";
import type { Advertisements } from "../channels/advertisements.ts";
import { gapStatus, hiddenStatus, statusIds } from "../channels/channel-statuses.ts";
import type { Outlet } from "../outlet.ts";
import type { Statuses } from "../statuses.ts";
import type { ChannelReaders } from "./channel-readers.ts";
import type { PlayedRange } from "./playback-range.ts";
import { type Subscribed, SubscribedChannels } from "./subscribed-channels.ts";

/** Parts of a viewer. */
export interface PlayedChannelsParts {
  readonly parts: TransportParts;
  readonly visitor: Visitor;
  readonly range: PlayedRange;
  readonly advertisements: Advertisements;
  readonly statuses: Statuses;
  readonly outlet: Outlet;
  readonly onError: (error: unknown) => void;
}

/** State of a playback, as viewers see it. */
type ReportedState = Pick<PlaybackReport, "status"> & { readonly rate: number };

/** Estimated bytes of a message and its time, besides a small payload. */
const MESSAGE_BYTES = 256;

/** Plays the subscribed channels. */
export class PlayedChannels implements ChannelReaders {
  readonly #viewer: PlayedChannelsParts;
  readonly channels: SubscribedChannels<Subscribed>;
  #subscription: Subscription | undefined;
  /** Start of the playback, until there is a subscription. */
  #start: { readonly id: EntryId; readonly rate: number; readonly isPlaying: boolean };
  /** Paused because the viewer has no subscription. */
  #isIdle = false;
  /** Last time that was sent, in ns. It moves backwards only by a seek. */
  #time = -1n;
  #state: ReportedState;
  /** Last state that was sent or waits. */
  #reported: ReportedState | undefined;
  #waiting: PlaybackReport | undefined;
  /** A command is in progress, which is answered at its end. */
  #isControlled = false;

  constructor(viewer: PlayedChannelsParts) {
    this.#viewer = viewer;
    this.channels = new SubscribedChannels(viewer.advertisements, {
      create: (subscribed) => subscribed,
      onRemoved: (subscribed) => this.#ended(subscribed),
    });
    this.#start = { id: viewer.range.start, rate: 1, isPlaying: true };
    this.#state = { status: "playing", rate: 1 };
  }

  subscribe(requested: readonly RequestedSubscription[]): string | undefined {
    const { added, problem } = this.channels.add(requested);
    const [first, ...others] = added;
    if (first === undefined) return problem;
    const subscription = this.#subscription ?? this.#open(first);
    if (this.#subscription === subscription) this.#add(first, subscription);
    this.#subscription = subscription;
    for (const other of others) this.#add(other, subscription);
    if (this.#isIdle) subscription.playback?.play(this.#state.rate);
    this.#isIdle = false;
    return problem;
  }

  control({ command, speed, seekTime, requestId }: PlaybackControl): void {
    if (command === "play" && !(speed >= MIN_RATE && speed <= MAX_RATE))
      throw new GatewayError(
        "BAD_PAYLOAD",
        `speed must be between ${MIN_RATE} and ${MAX_RATE}, got ${speed}`,
      );
    const id = seekTime === undefined ? undefined : this.#inRange(idOfLogTime(seekTime));
    const isPlaying = command === "play";
    const rate = isPlaying ? speed : this.#state.rate;
    if (id !== undefined) this.#time = -1n;
    this.#state = { status: isPlaying ? "playing" : "paused", rate };
    this.#isControlled = true;
    if (this.#subscription === undefined) this.#start = { id: id ?? this.#start.id, isPlaying, rate };
    else this.#control(this.#subscription, isPlaying, rate, id);
    this.#isControlled = false;
    this.#report(requestId, id !== undefined);
  }

  sync(): void {
    const { outlet } = this.#viewer;
    const report = this.#waiting;
    if (report === undefined || outlet.isFull()) return;
    this.#waiting = undefined;
    const out = createFrameWriter(MESSAGE_BYTES);
    out.binary([encodePlaybackState(report)]);
    outlet.write(out.take());
  }

  close(): void {
    this.#subscription?.close();
  }

  /** Starts the playback with its first channel. */
  #open(first: Subscribed): Subscription {
    const { parts, visitor, range, outlet, statuses, onError } = this.#viewer;
    const { id, rate, isPlaying } = this.#start;
    const subscription = parts.streams.subscribe<Chunks>({
      streams: [this.#streamAt(first, range.start)],
      encoder: { encode: (streams) => this.#encode(streams) },
      sink: outlet,
      memory: parts.access.memory.answer("answer", visitor),
      streamMemory: new StreamMemory(parts.access.memory.streams(visitor)),
      playback: {
        ...{ ...range, rate, loop: false, latest: false },
        onState: (state) => this.#onState(state),
      },
      onGap: ({ stream }) => {
        const topic = this.channels.ofKey(stream)?.channel.topic;
        if (topic !== undefined) statuses.set(...gapStatus(topic));
      },
      onError,
    });
    outlet.add(subscription);
    this.#isControlled = true;
    if (!isPlaying) subscription.playback?.pause();
    if (id !== range.start) subscription.playback?.seek(id);
    this.#isControlled = false;
    return subscription;
  }

  /** Adds a channel at the present time of the playback. */
  #add(subscribed: Subscribed, subscription: Subscription): void {
    const time = subscription.playback?.time ?? 0;
    subscription.add(this.#streamAt(subscribed, idAtTime(Math.max(0, Math.floor(time)))));
  }

  #streamAt({ channel: { key } }: Subscribed, first: EntryId) {
    const cursor = idBefore(first) ?? FIRST_ID;
    return { key, name: key, cursor, madeFromTime: cursor, isAtEnd: false };
  }

  #ended({ channel }: Subscribed): void {
    const { statuses } = this.#viewer;
    for (const status of statusIds(channel.topic)) statuses.remove(status);
    const subscription = this.#subscription;
    if (subscription === undefined) return;
    // Without streams, the playback would end.
    if (this.channels.size === 0 && this.#state.status !== "paused" && this.#state.status !== "ended") {
      this.#isIdle = true;
      subscription.playback?.pause();
    }
    subscription.remove(channel.key);
  }

  #inRange(id: EntryId): EntryId {
    const { start, end } = this.#viewer.range;
    return earlierId(laterId(id, start), end);
  }

  #control({ playback }: Subscription, isPlaying: boolean, rate: number, id: EntryId | undefined): void {
    // Paused first, so that a paused playback does not send entries after the seek.
    if (!isPlaying) playback?.pause();
    if (id !== undefined) playback?.seek(id);
    // Without a subscription, the playback starts with the next one.
    this.#isIdle = isPlaying && this.channels.size === 0;
    if (isPlaying && !this.#isIdle) playback?.play(rate);
  }

  #onState({ status, rate }: PlaybackState): void {
    // Paused only because there are no channels.
    if (this.#isIdle) return;
    this.#state = { status: status === "live" ? "playing" : status, rate };
    const isChanged = this.#reported?.status !== this.#state.status || this.#reported.rate !== rate;
    if (isChanged && !this.#isControlled) this.#report("", false);
  }

  /** Sends the state, at once or when there is room: only the last one matters. */
  #report(requestId: string, didSeek: boolean): void {
    const { status, rate } = this.#state;
    this.#reported = this.#state;
    this.#waiting = {
      ...{ status, speed: rate, time: this.#reportedTime(status) },
      didSeek: didSeek || this.#waiting?.didSeek === true,
      requestId: requestId || (this.#waiting?.requestId ?? ""),
    };
    this.sync();
  }

  /** Returns the time of a report in ns. At the end, the clock is a little before or after the last entry. */
  #reportedTime(status: ReportedState["status"]): bigint {
    if (status === "ended") return logTimeOf(this.#viewer.range.end);
    const time = this.#subscription?.playback?.time ?? timeOfId(this.#start.id);
    return BigInt(Math.max(0, Math.round(time))) * NS_PER_MS;
  }

  /** Encodes entries in order, with the time before those of each instant. */
  #encode(runs: readonly StreamEntries[]): Chunks {
    const out = createFrameWriter(MESSAGE_BYTES * runs.length);
    for (const { stream, entries } of runs) {
      const subscribed = this.channels.ofKey(stream);
      if (subscribed === undefined) continue;
      const { id, channel } = subscribed;
      const headOf = messageHeads(id);
      for (const entry of entries) {
        const message = channel.encode(entry);
        if (message === undefined) {
          this.#viewer.statuses.set(...hiddenStatus(channel.topic));
          continue;
        }
        const time = logTimeOf(entry.id);
        if (time > this.#time) {
          this.#time = time;
          out.binary([encodeTime(time)]);
        }
        out.binary([headOf(entry.id), ...message]);
      }
    }
    return out.take();
  }
}
