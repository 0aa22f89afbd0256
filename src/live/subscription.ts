/**
 * Subscriptions: the cursors and the sink of a reader, with no queue in between. The stream is the buffer: a reader that
 * cannot take more stops, and later continues reading from Redis at its cursor.
 *
 *            attached to the hub                      sink over its high-water mark, ack pending, …
 *   catching up ───────────────▶ live        catching up or live ───────────────▶ paused
 *        ▲                        │                                                 │
 *        └────────────────────────┘◀────────── no reason to pause remains ──────────┘
 *
 * Pausing is a set of reasons, so that the end of one reason does not cancel another. There are two delivery modes:
 * continuous (`continuous.ts`) and on demand (`on-demand.ts`). Both decide by entry ids alone.
 */
import type { Entry, Gap } from "../domain/entry.ts";
import { type EntryId, FIRST_ID, idAfter } from "../domain/entry-id.ts";
import { asGatewayError, type GatewayError } from "../domain/errors.ts";
import { createContinuous } from "./continuous.ts";
import type { DeliveryContext, StreamState, SubscriptionParts } from "./delivery.ts";
import { createOnDemand, type OnDemandOptions } from "./on-demand.ts";
import type { Encoder, Reservation, Sink } from "./sink.ts";

/**
 * Reason of a pause: the sink is full, an ack is pending, frames are in flight, the rate limit applies, or memory is
 * exhausted.
 */
export type PauseReason = "sink-full" | "pending-ack" | "in-flight" | "rate-limit" | "memory";

/** One stream of a subscription. */
export interface SubscribedStream {
  readonly key: string;
  /** Stream name that the client uses. */
  readonly name: string;
  readonly cursor: EntryId;
  /** The cursor was just read as the end of the stream, so there is no history to read first. */
  readonly isAtEnd: boolean;
  /** Entries after the cursor are missing; if absent, the first read finds out. */
  readonly hasGap?: boolean;
}

/** Options of a subscription. */
export interface SubscriptionOptions<Frame> {
  readonly streams: readonly SubscribedStream[];
  readonly encoder: Encoder<Frame>;
  readonly sink: Sink<Frame>;
  /** Memory of entries that are read and not yet written; released when the subscription closes. */
  readonly memory?: Reservation;
  /** If present, delivery is on demand: one frame at a time with at most `count` entries of each stream. */
  readonly onDemand?: OnDemandOptions;
  /** Called after each written frame; the transport may call `pause`. */
  readonly onFrame?: (frame: Frame) => void;
  /** Entries may be missing; called right before the frame with the entries after them is written. */
  readonly onGap?: (gap: Gap) => void;
  /** All existing entries have been written. */
  readonly onCaughtUp?: () => void;
  /** The subscription failed and is closed. */
  readonly onError: (error: GatewayError) => void;
}

/** A running subscription. */
export interface Subscription {
  /** Adds a reason to pause. */
  pause(reason: PauseReason): void;
  /** Removes a reason to pause. Without any other reason, the reader catches up. */
  resume(reason: PauseReason): void;
  isPaused(): boolean;
  /** Whether a frame is being encoded in slices, and is about to be written. */
  isEncoding(): boolean;
  /** Returns the cursor of each stream, in the order of the request. */
  cursors(): readonly EntryId[];
  /** Ends the subscription. Idempotent. */
  close(): void;
}

/** Creates the function that starts subscriptions. */
export function createSubscriber(parts: SubscriptionParts) {
  const entryFrames = new WeakMap<Entry, Map<string, unknown>>();
  return function subscribe<Frame>(options: SubscriptionOptions<Frame>): Subscription {
    const { sink, onDemand, memory } = options;
    const { counters } = parts;
    const reasons = new Set<PauseReason>();
    let closed = false;
    /** Reserved bytes of reads in flight. */
    let reserved = 0;
    const states = options.streams.map(
      (stream): StreamState => ({ hasGap: false, ...stream, counters: parts.streamClasses.of(stream.key) }),
    );

    function reportGap(gap: Gap): void {
      counters.gaps++;
      options.onGap?.(gap);
    }

    const context: DeliveryContext<Frame> = {
      ...parts,
      entryFrames,
      states,
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
          pause("sink-full");
          sink.whenDrained(() => resume("sink-full"));
        }
        return sink.isEmpty?.() === true;
      },
      reportGap(state, before) {
        state.hasGap = false;
        reportGap({ stream: state.name, after: state.cursor, before });
      },
      follow(state) {
        const passage = parts.hub.progress(state.key);
        const { life } = state;
        state.life = passage && { passage, number: passage.recreations };
        if (life === undefined || life.passage !== passage || life.number === passage.recreations) return;
        reportGap({ stream: state.name, after: FIRST_ID, before: idAfter(state.cursor) ?? state.cursor });
      },
      isFollowing: ({ key, life }) => life !== undefined && life.passage === parts.hub.progress(key),
      caughtUp: () => options.onCaughtUp?.(),
      onError(error) {
        if (closed) return;
        close();
        options.onError(asGatewayError(error));
      },
    };
    const delivery = onDemand === undefined ? createContinuous(context) : createOnDemand(context, onDemand);

    function reserve(lease: Reservation, bytes: number): boolean {
      const missing = reserved + bytes - lease.bytes();
      if (missing <= 0 || lease.tryGrow(missing)) {
        reserved += bytes;
        return true;
      }
      // Reads in flight continue, and the delivery retries when one ends.
      if (reserved > 0) return false;
      pause("memory");
      // No timeout: a paused subscription holds no memory.
      lease.whenRoom(missing, () => leaveQueue(lease), Number.POSITIVE_INFINITY);
      return false;
    }

    function leaveQueue(lease: Reservation): void {
      resume("memory");
      // Keep only the memory in use. A reader that became live without a read would hold the rest forever.
      lease.set(reserved);
    }

    function pause(reason: PauseReason): void {
      if (closed || reasons.has(reason)) return;
      reasons.add(reason);
      if (reasons.size > 1) return;
      counters.readersPaused++;
      delivery.halt();
    }

    function resume(reason: PauseReason): void {
      if (closed || !reasons.delete(reason) || reasons.size > 0) return;
      counters.readersPaused--;
      delivery.run();
    }

    function close(): void {
      if (closed) return;
      closed = true;
      counters.readers--;
      if (reasons.size > 0) counters.readersPaused--;
      memory?.release();
      delivery.halt();
    }

    counters.readers++;
    // Deferred: the transport's callback for the first frame needs the returned subscription.
    queueMicrotask(() => delivery.run());
    return {
      pause,
      resume,
      close,
      isPaused: () => reasons.size > 0,
      isEncoding: () => delivery.isEncoding?.() === true,
      cursors: () => states.map((state) => state.cursor),
    };
  };
}

/** Starts a subscription. */
export type Subscribe = ReturnType<typeof createSubscriber>;
