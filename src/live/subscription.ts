/**
 * Subscriptions: the cursors and the sink of a reader, with no queue in between. The stream is the buffer: a reader that
 * cannot take more stops, and later continues reading from Redis at its cursor.
 *
 *            attached to the hub                      sink over its high-water mark, ack pending, …
 *   catching up ───────────────▶ live        catching up or live ───────────────▶ paused
 *        ▲                        │                                                 │
 *        └────────────────────────┘◀────────── no reason to pause remains ──────────┘
 *
 * Pausing is a set of reasons, so that the end of one reason does not cancel another. There are three delivery modes:
 * continuous (`continuous.ts`), on demand (`on-demand.ts`) and playback (`playback/`). The first two decide by entry ids
 * alone; a playback also waits for the time of an entry.
 */

import type { GatewayError } from "../domain/errors.ts";
import type { StreamPosition } from "../domain/streams/cursor.ts";
import type { Gap } from "../domain/streams/entry.ts";
import type { EntryId } from "../domain/streams/entry-id.ts";
import type { BackgroundControls } from "./background/reads.ts";
import type { StreamMemory } from "./memory/stream-memory.ts";
import type { OnDemandOptions } from "./on-demand.ts";
import type { PlaybackControls, PlaybackOptions } from "./playback/options.ts";
import type { Encoder, Reservation, Sink } from "./sink.ts";
import type { SubscribedStream } from "./stream-state.ts";

/**
 * Reason of a pause: the sink is full, an ack is pending, frames are in flight, the rate limit applies, or memory is
 * exhausted.
 */
export type PauseReason = "sink-full" | "pending-ack" | "in-flight" | "rate-limit" | "memory";

/** Options of a subscription. */
export interface SubscriptionOptions<Frame> {
  readonly streams: readonly SubscribedStream[];
  readonly encoder: Encoder<Frame>;
  readonly sink: Sink<Frame>;
  /** Memory of entries that are read and not yet written; released when the subscription closes. */
  readonly memory?: Reservation;
  /**
   * Memory of the streams, released when the subscription closes. If the streams do not fit, also one that is added later,
   * the subscription fails with OVERLOADED. Absent: not counted.
   */
  readonly streamMemory?: StreamMemory;
  /** If present, delivery is on demand: one frame at a time with at most `count` entries of each stream. */
  readonly onDemand?: OnDemandOptions;
  /** If present, delivery is a playback; `onDemand` applies once it is live. */
  readonly playback?: PlaybackOptions;
  /**
   * Yields to clients: reads history slowly while they are served, and keeps none of it in memory for others. For continuous
   * delivery.
   */
  readonly isBackground?: boolean;
  /** Called after each written frame; the transport may call `pause`. */
  readonly onFrame?: (frame: Frame) => void;
  /** Entries may be missing; called right before the frame with the entries after them is written. */
  readonly onGap?: (gap: Gap) => void;
  /** All existing entries have been written. */
  readonly onCaughtUp?: () => void;
  /** The subscription failed and is closed. */
  readonly onError: (error: GatewayError) => void;
}

/** Running subscription, as its transport controls it. */
export interface Subscription {
  /** Adds a reason to pause. */
  pause(reason: PauseReason): void;
  /** Removes a reason to pause. Without any other reason, the reader catches up. */
  resume(reason: PauseReason): void;
  isPaused(): boolean;
  /** Whether a frame is being encoded in slices, and is about to be written. */
  isEncoding(): boolean;
  /** Controls of a playback; undefined in other delivery modes. */
  readonly playback: PlaybackControls | undefined;
  /** Controls of a background subscription; else undefined. */
  readonly background: BackgroundControls | undefined;
  /** Returns the cursor of each stream, in the order of the request. */
  cursors(): readonly EntryId[];
  /**
   * Returns the streams that may have entries after the cursor; undefined while a playback is not live, which is in the past
   * on purpose.
   */
  behind(): readonly StreamPosition[] | undefined;
  /** Reads another stream from now on. Its key and name must differ from those of the others. */
  add(stream: SubscribedStream): void;
  /** Ends reading a stream, which was deleted or may no longer be read. Nothing more of it is sent. */
  remove(key: string): void;
  /** Ends the subscription. Idempotent. */
  close(): void;
}

/** Starts a subscription. */
export type Subscribe = <Frame>(options: SubscriptionOptions<Frame>) => Subscription;
