/** A running subscription: starts and halts its delivery, writes frames, and pauses while its sink is full. */

import type { ClientActivity } from "../domain/scheduling/client-activity.ts";
import type { StreamPosition } from "../domain/streams/cursor.ts";
import type { EntryId } from "../domain/streams/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import { faultOf } from "../observe/faults.ts";
import type { StreamReader } from "../redis/read/stream-reader.ts";
import { BackgroundReads } from "./background/reads.ts";
import { EntryFrames } from "./cache/entry-frames.ts";
import { FrameKeys } from "./cache/frame-keys.ts";
import type { PageCache } from "./cache/page-cache.ts";
import { ContinuousDelivery } from "./continuous.ts";
import type { Delivery, DeliveryContext, SubscriptionParts } from "./delivery.ts";
import { Gaps } from "./gaps.ts";
import type { Hub } from "./hub.ts";
import { ReadMemory, type ReadMemoryEvents } from "./memory/read-memory.ts";
import { noStreamMemory, type StreamMemory } from "./memory/stream-memory.ts";
import { OnDemandDelivery } from "./on-demand.ts";
import type { Playback, PlaybackControls } from "./playback/options.ts";
import { PlaybackDelivery } from "./playback/playback.ts";
import { createSharedTimers } from "./playback/shared-timers.ts";
import type { PlaybackTimers } from "./playback/timers.ts";
import type { Encoder, Sink } from "./sink.ts";
import { createStreamState, type StreamState, type SubscribedStream } from "./stream-state.ts";
import type { PauseReason, Subscribe, Subscription, SubscriptionOptions } from "./subscription.ts";

/** Creates the function that starts subscriptions. */
export function createSubscriber(parts: SubscriptionParts): Subscribe {
  const shared: SharedParts = {
    entryFrames: new EntryFrames(parts.workSlices),
    frameKeys: new FrameKeys(),
    timers: parts.playbackTimers ?? createSharedTimers(),
  };
  return (options) => new RunningSubscription(parts, shared, options);
}

/** Objects that all subscriptions share. */
interface SharedParts {
  readonly entryFrames: EntryFrames;
  readonly frameKeys: FrameKeys;
  readonly timers: PlaybackTimers;
}

const REASON_BITS: Readonly<Record<PauseReason, number>> = {
  "sink-full": 1,
  "pending-ack": 2,
  "in-flight": 4,
  "rate-limit": 8,
  memory: 16,
};

class RunningSubscription<Frame> implements Subscription, DeliveryContext<Frame>, ReadMemoryEvents {
  // First, so that a frame of one of many subscriptions loads few lines of memory into the processor's cache.
  readonly #sink: Sink<Frame>;
  readonly #onFrame: SubscriptionOptions<Frame>["onFrame"];
  #isClosed = false;
  /** Undefined in the background. */
  readonly #activity: ClientActivity | undefined;
  readonly background: BackgroundReads | undefined;
  readonly hub: Hub;
  readonly pageCache: PageCache;
  readonly streamReader: StreamReader;
  readonly encoder: Encoder<Frame>;
  readonly entryFrames: EntryFrames;
  readonly frameKeys: FrameKeys;
  readonly gaps: Gaps;
  states: readonly StreamState[];
  readonly #parts: SubscriptionParts;
  readonly #counters: Counters;
  readonly #onCaughtUp: SubscriptionOptions<Frame>["onCaughtUp"];
  readonly #onError: SubscriptionOptions<Frame>["onError"];
  readonly #memory: ReadMemory | undefined;
  readonly #streamMemory: StreamMemory | undefined;
  readonly #delivery: Delivery;
  readonly #playback: Playback | undefined;
  /** Bits of the reasons to pause. */
  #reasons = 0;

  constructor(
    parts: SubscriptionParts,
    { entryFrames, frameKeys, timers }: SharedParts,
    options: SubscriptionOptions<Frame>,
  ) {
    this.hub = parts.hub;
    this.pageCache = parts.pageCache;
    this.streamReader = parts.streamReader;
    this.encoder = options.encoder;
    this.entryFrames = entryFrames;
    this.frameKeys = frameKeys;
    this.#parts = parts;
    this.states = options.streams.map((stream) => this.#stateOf(stream));
    this.#counters = parts.counters;
    this.background = options.isBackground ? new BackgroundReads(parts.backgroundPace) : undefined;
    this.#activity = options.isBackground ? undefined : parts.activity;
    this.#sink = options.sink;
    this.#onFrame = options.onFrame;
    this.#onCaughtUp = options.onCaughtUp;
    this.#onError = options.onError;
    this.#memory = options.memory && new ReadMemory(options.memory, this);
    this.gaps = new Gaps(parts.hub, parts.counters, options.onGap);
    const { onDemand, playback } = options;
    const { pageBytes } = parts;
    const createLive = (context: DeliveryContext<Frame>): Delivery =>
      onDemand === undefined ? new ContinuousDelivery(context) : new OnDemandDelivery(context, onDemand);
    this.#playback = playback && new PlaybackDelivery(this, playback, { createLive, pageBytes, timers });
    this.#delivery = this.#playback ?? createLive(this);
    this.#counters.readers++;
    this.#streamMemory = options.streamMemory;
    const hasRoom = this.#streamMemory?.add(options.streams) !== false;
    // Nothing is read before it ends.
    if (!hasRoom) this.pause("memory");
    // Deferred: the transport's callbacks need the returned subscription.
    queueMicrotask(() => (hasRoom ? this.#run() : this.onError(noStreamMemory())));
  }

  pause(reason: PauseReason): void {
    const before = this.#reasons;
    if (this.#isClosed || (before & REASON_BITS[reason]) !== 0) return;
    this.#reasons = before | REASON_BITS[reason];
    if (before !== 0) return;
    this.#counters.readersPaused++;
    this.#delivery.halt();
  }

  resume(reason: PauseReason): void {
    const before = this.#reasons;
    if (this.#isClosed || (before & REASON_BITS[reason]) === 0) return;
    this.#reasons = before & ~REASON_BITS[reason];
    if (this.#reasons !== 0) return;
    this.#counters.readersPaused--;
    this.#run();
  }

  isPaused(): boolean {
    return this.#reasons !== 0;
  }

  isEncoding(): boolean {
    return this.#delivery.isEncoding?.() === true;
  }

  get playback(): PlaybackControls | undefined {
    return this.#isClosed ? undefined : this.#playback;
  }

  cursors(): readonly EntryId[] {
    return this.states.map((state) => state.cursor);
  }

  behind(): readonly StreamPosition[] | undefined {
    if (this.#playback?.isLive === false) return undefined;
    return this.states.filter(({ key, cursor }) => !this.hub.isAtEnd(key, cursor));
  }

  add(stream: SubscribedStream): void {
    if (this.#isClosed) return;
    if (this.#streamMemory?.add([stream]) === false) {
      this.pause("memory");
      // Deferred, like an error at the start: the caller may be about to use this subscription.
      queueMicrotask(() => this.onError(noStreamMemory()));
      return;
    }
    const state = this.#stateOf(stream);
    this.states = [...this.states, state];
    this.#attempt(() => this.#delivery.add(state));
  }

  remove(key: string): void {
    const state = this.states.find((one) => one.key === key);
    if (this.#isClosed || state === undefined) return;
    this.states = this.states.filter((one) => one !== state);
    state.isRemoved = true;
    this.#streamMemory?.remove(state);
    this.#attempt(() => this.#delivery.remove(state));
    this.hub.forget(key);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#counters.readers--;
    if (this.#reasons !== 0) this.#counters.readersPaused--;
    this.#memory?.release();
    this.#streamMemory?.release();
    this.#delivery.halt();
    this.#delivery.close?.();
    this.background?.close();
  }

  isHalted(): boolean {
    return this.#isClosed || this.#reasons !== 0;
  }

  reserve(bytes: number): boolean {
    return this.#memory === undefined || this.#memory.reserve(bytes);
  }

  unreserve(bytes: number): void {
    this.#memory?.unreserve(bytes);
  }

  isMemoryShort(): boolean {
    return this.#memory?.isShort() === true;
  }

  write(frame: Frame): boolean {
    const sink = this.#sink;
    sink.write(frame);
    this.#activity?.received();
    this.#onFrame?.(frame);
    if (!this.#isClosed && sink.isFull()) {
      this.#counters.slowPauses++;
      this.pause("sink-full");
      sink.whenDrained(() => this.resume("sink-full"));
    }
    return sink.isEmpty?.() === true;
  }

  caughtUp(): void {
    this.#onCaughtUp?.();
  }

  onError(error: unknown): void {
    const reason = faultOf(error, "reader", this.#parts);
    if (this.#isClosed) return;
    this.close();
    try {
      this.#onError(reason);
    } catch (another) {
      faultOf(another, "reader", this.#parts);
    }
  }

  /** Nothing that the reader holds would make room. */
  onWait(): void {
    this.pause("memory");
  }

  /** Memory is available again. */
  onRoom(): void {
    this.resume("memory");
  }

  #run(): void {
    this.#attempt(() => this.#delivery.run());
  }

  /** Calls a step of the delivery. Its exception ends this subscription, and not the caller, which may serve others. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.onError(error);
    }
  }

  #stateOf(stream: SubscribedStream): StreamState {
    return createStreamState(stream, this.#parts.streamClasses.of(stream.key));
  }
}
