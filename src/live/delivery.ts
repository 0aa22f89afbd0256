/**
 * Delivery modes of a subscription: continuous (`continuous.ts`), on demand, one frame at a time (`on-demand.ts`), or as a
 * playback at the original pace (`playback/`). The subscription starts and halts its delivery.
 */
import type { Logger } from "../domain/logger.ts";
import type { ClientActivity } from "../domain/scheduling/client-activity.ts";
import type { WorkSlices } from "../domain/scheduling/work-slice.ts";
import type { Counters } from "../observe/counters.ts";
import type { StreamClasses } from "../observe/stream-classes.ts";
import type { StreamReader } from "../redis/read/stream-reader.ts";
import type { BackgroundPace } from "./background/pace.ts";
import type { BackgroundReads } from "./background/reads.ts";
import type { EntryFrames } from "./cache/entry-frames.ts";
import type { FrameKeys } from "./cache/frame-keys.ts";
import type { PageCache } from "./cache/page-cache.ts";
import type { Gaps } from "./gaps.ts";
import type { Hub } from "./hub.ts";
import type { PlaybackTimers } from "./playback/timers.ts";
import type { Encoder } from "./sink.ts";
import type { StreamState } from "./stream-state.ts";

/** Dependencies of subscriptions. */
export interface SubscriptionParts {
  readonly hub: Hub;
  readonly pageCache: PageCache;
  readonly streamReader: StreamReader;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly streamClasses: StreamClasses;
  readonly workSlices: WorkSlices;
  readonly activity: ClientActivity;
  readonly backgroundPace: BackgroundPace;
  /** Maximum bytes that a playback reads ahead per stream. */
  readonly pageBytes: number;
  /** Clocks and timers of playbacks; if absent, those of the event loop. */
  readonly playbackTimers?: PlaybackTimers;
}

/** A delivery mode at work. */
export interface Delivery {
  /** Reads and sends until halted. Called at the start and after each pause. */
  run(): void;
  /** Whether a frame is being encoded in slices, and is about to be sent; absent: never. */
  isEncoding?(): boolean;
  /** Detaches from the hub and keeps the cursors. */
  halt(): void;
  /** Ends timers; absent if the delivery has none. Called after `halt`, at the end of the subscription. */
  close?(): void;
  /** Reads another stream from now on. */
  add(state: StreamState): void;
  /** Ends reading a stream at once. Nothing more of it is sent. */
  remove(state: StreamState): void;
}

/** Interface of a subscription for its delivery. */
export interface DeliveryContext<Frame> {
  readonly hub: Hub;
  readonly pageCache: PageCache;
  readonly streamReader: StreamReader;
  readonly entryFrames: EntryFrames;
  readonly frameKeys: FrameKeys;
  readonly gaps: Gaps;
  /** Undefined if the subscription reads at full speed. */
  readonly background: BackgroundReads | undefined;
  readonly states: readonly StreamState[];
  readonly encoder: Encoder<Frame>;
  /** Returns whether the delivery must not read or send now. */
  isHalted(): boolean;
  /**
   * Reserves memory before entries are read or sent. If there is none, and the subscription has no other reservation, the
   * subscription pauses until memory is available.
   *
   * @returns whether the memory is reserved
   */
  reserve(bytes: number): boolean;
  /** Ends a reservation: the entries are about to be written, or are no longer needed. */
  unreserve(bytes: number): void;
  /** Returns whether other readers wait for memory, so that none should be held in advance. */
  isMemoryShort(): boolean;
  /** Sends a frame. @returns whether it is already sent, so that its memory is free */
  write(frame: Frame): boolean;
  caughtUp(): void;
  /** Ends the subscription. Deliveries pass it the exceptions of their promises and timers, which have no caller. */
  onError(error: unknown): void;
}
