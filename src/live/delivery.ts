/**
 * A course is how a subscription goes: `flow.ts` sends all there is, `turns.ts` one frame at a time. Both are started
 * and halted by their subscription, which knows why it pauses.
 */
import type { Entry } from "../domain/entry.ts";
import type { EntryId } from "../domain/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import type { ClassCounters, StreamClasses } from "../observe/stream-classes.ts";
import type { Log } from "../redis/log.ts";
import type { Hub, Progress } from "./hub.ts";
import type { PageCache } from "./page-cache.ts";
import type { Encoder } from "./sink.ts";

/** What subscriptions are made of. */
export interface SubscriptionParts {
  readonly hub: Hub;
  readonly pageCache: PageCache;
  readonly log: Log;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
}

/** One stream of a subscription at work. */
export interface StreamState {
  readonly key: string;
  readonly name: string;
  cursor: EntryId;
  isAtEnd: boolean;
  /** Where what is sent of it is counted. */
  readonly counters: ClassCounters;
  /** Entries right after the cursor may be missing: reported before the next entry. */
  hasGap: boolean;
  /** The hub's record of the stream when the lane was attached last, and its `lives` at that time. */
  life?: { readonly passage: Progress; readonly number: number } | undefined;
}

/** What both kinds of subscription do in their own way. */
export interface Delivery {
  /** Reads and sends until paused. Called when it starts and after each pause. */
  run(): void;
  /** Leaves the hub, keeping its cursors. */
  halt(): void;
}

/** What a course may ask of its subscription. */
export interface DeliveryContext<Frame> extends SubscriptionParts {
  /** Frames of single entries, kept for as long as somebody has the entry. */
  readonly entryFrames: WeakMap<Entry, Map<string, unknown>>;
  readonly lanes: readonly StreamState[];
  readonly encoder: Encoder<Frame>;
  /** Whether it may neither read nor send now. */
  isHalted(): boolean;
  /**
   * Reserves memory for entries that are about to be read or sent. Without room, and with no other reservation of the
   * subscription, the subscription pauses until there is room, and the course runs again.
   *
   * @returns whether it is reserved
   */
  reserve(bytes: number): boolean;
  /** Ends a reservation: the entries are about to be written, or are not wanted any more. */
  unreserve(bytes: number): void;
  /** Sends a frame. @returns whether it has left already, and nobody uses its memory any more */
  write(frame: Frame): boolean;
  /** Reports that entries before an id may be missing; called right before the reader goes on there. */
  reportGap(lane: StreamState, before: EntryId): void;
  /**
   * Notes which life of its stream an attached lane follows. Reports a gap where another one began since the last call, with
   * ids up to the cursor that are used again for other entries.
   */
  follow(lane: StreamState): void;
  /** Whether the lane was attached since the hub watches its stream. */
  isFollowing(lane: StreamState): boolean;
  caughtUp(): void;
  onError(error: unknown): void;
}
