/**
 * A subscription: a reader's cursors and its sink, and nothing in between. The stream is the buffer, so a reader that
 * cannot take more is not queued for; it stops, and later reads on in Redis from its cursor.
 *
 *            attached to the hub                      the sink is over its mark, an ack is awaited, …
 *   catching up ───────────────▶ live        catching up or live ───────────────▶ paused
 *        ▲                        │                                                 │
 *        └────────────────────────┘◀───────── the last reason to pause is gone ─────┘
 *
 * What pauses is a set of reasons, so that one that ends cannot end another. There are two kinds: `flow.ts` sends all
 * there is as fast as the sink takes it; `turns.ts` sends one frame at a time. Both decide by entry ids alone.
 */
import type { Entry, Gap } from "../domain/entry.ts";
import { type EntryId, FIRST_ID, idAfter } from "../domain/entry-id.ts";
import { asGatewayError, type GatewayError } from "../domain/errors.ts";
import { createContinuous } from "./continuous.ts";
import type { DeliveryContext, StreamState, SubscriptionParts } from "./delivery.ts";
import { createOnDemand, type OnDemandOptions } from "./on-demand.ts";
import type { Encoder, Reservation, Sink } from "./sink.ts";

/**
 * Why a subscription pauses: its sink is full, it awaits an ack, frames are on their way to it, its rate is limited, or it
 * waits for memory.
 */
export type PauseReason = "slow" | "ack" | "link" | "pace" | "memory";

/** One stream of a subscription. */
export interface SubscribedStream {
  readonly key: string;
  /** How the client calls it. */
  readonly name: string;
  readonly cursor: EntryId;
  /** The cursor was the stream's end a moment ago, so there is no history to read first. */
  readonly isAtEnd: boolean;
  /** What comes next comes after a gap; absent: that is to be found out. */
  readonly hasGap?: boolean;
}

/** What a reader wants, and where it goes. */
export interface SubscriptionOptions<Frame> {
  readonly streams: readonly SubscribedStream[];
  readonly encoder: Encoder<Frame>;
  readonly sink: Sink<Frame>;
  /** Memory for what is read and not yet written; released when the subscription closes. */
  readonly memory?: Reservation;
  /** Present: one frame at a time, with at most `count` entries of each stream. */
  readonly onDemand?: OnDemandOptions;
  /** A frame was written; the transport may now `pause`. */
  readonly onFrame?: (frame: Frame) => void;
  /** Entries may be gone; called right before the frame of those behind them is written. */
  readonly onGap?: (gap: Gap) => void;
  /** Everything there was has been written. */
  readonly onCaughtUp?: () => void;
  /** It cannot go on; it is closed. */
  readonly onError: (error: GatewayError) => void;
}

/** A reader at work. */
export interface Subscription {
  /** Stops it for a reason. */
  pause(reason: PauseReason): void;
  /** Ends a reason; when it was the last one, the reader catches up. */
  resume(reason: PauseReason): void;
  isPaused(): boolean;
  /** Where it stands in each stream, in the order of the request. */
  cursors(): readonly EntryId[];
  /** Ends it. May be called more than once. */
  close(): void;
}

/** Makes the function that starts subscriptions. */
export function createSubscriber(parts: SubscriptionParts) {
  const entryFrames = new WeakMap<Entry, Map<string, unknown>>();
  return function subscribe<Frame>(options: SubscriptionOptions<Frame>): Subscription {
    const { sink, onDemand, memory } = options;
    const { counters } = parts;
    const reasons = new Set<PauseReason>();
    let closed = false;
    /** Bytes of reads that are under way. */
    let reserved = 0;
    const lanes = options.streams.map(
      (stream): StreamState => ({ hasGap: false, ...stream, counters: parts.streamClasses.of(stream.key) }),
    );

    function tellGap(gap: Gap): void {
      counters.gaps++;
      options.onGap?.(gap);
    }

    const context: DeliveryContext<Frame> = {
      ...parts,
      entryFrames,
      lanes,
      encoder: options.encoder,
      isHalted: () => closed || reasons.size > 0,
      reserve: (bytes) => memory === undefined || reserve(memory, bytes),
      unreserve(bytes) {
        reserved -= bytes;
        memory?.set(reserved);
      },
      write(frame) {
        sink.write(frame);
        options.onFrame?.(frame);
        if (!closed && sink.isFull()) {
          counters.slowPauses++;
          pause("slow");
          sink.whenDrained(() => resume("slow"));
        }
        return sink.isEmpty?.() === true;
      },
      reportGap(lane, before) {
        lane.hasGap = false;
        tellGap({ stream: lane.name, after: lane.cursor, before });
      },
      follow(lane) {
        const passage = parts.hub.progress(lane.key);
        const { life } = lane;
        lane.life = passage && { passage, number: passage.recreations };
        if (life === undefined || life.passage !== passage || life.number === passage.recreations) return;
        tellGap({ stream: lane.name, after: FIRST_ID, before: idAfter(lane.cursor) ?? lane.cursor });
      },
      isFollowing: ({ key, life }) => life !== undefined && life.passage === parts.hub.progress(key),
      caughtUp: () => options.onCaughtUp?.(),
      onError(error) {
        if (closed) return;
        close();
        options.onError(asGatewayError(error));
      },
    };
    const course = onDemand === undefined ? createContinuous(context) : createOnDemand(context, onDemand);

    function reserve(lease: Reservation, bytes: number): boolean {
      const missing = reserved + bytes - lease.bytes();
      if (missing <= 0 || lease.tryGrow(missing)) {
        reserved += bytes;
        return true;
      }
      // The reads that are under way go on, and the course tries again when one has ended.
      if (reserved > 0) return false;
      pause("memory");
      // As long as the connection lasts: a paused subscription holds nothing.
      lease.whenRoom(missing, () => leaveQueue(lease), Number.POSITIVE_INFINITY);
      return false;
    }

    function leaveQueue(lease: Reservation): void {
      resume("memory");
      // It keeps only what it used at once: one that went live without a read would keep the rest for ever.
      lease.set(reserved);
    }

    function pause(reason: PauseReason): void {
      if (closed || reasons.has(reason)) return;
      reasons.add(reason);
      if (reasons.size > 1) return;
      counters.readersPaused++;
      course.halt();
    }

    function resume(reason: PauseReason): void {
      if (closed || !reasons.delete(reason) || reasons.size > 0) return;
      counters.readersPaused--;
      course.run();
    }

    function close(): void {
      if (closed) return;
      closed = true;
      counters.readers--;
      if (reasons.size > 0) counters.readersPaused--;
      memory?.release();
      course.halt();
    }

    counters.readers++;
    // Not within the call: what the first frame makes the transport do needs the subscription that is returned.
    queueMicrotask(() => course.run());
    return {
      pause,
      resume,
      close,
      isPaused: () => reasons.size > 0,
      cursors: () => lanes.map((lane) => lane.cursor),
    };
  };
}

/** Starts a subscription. */
export type Subscribe = ReturnType<typeof createSubscriber>;
