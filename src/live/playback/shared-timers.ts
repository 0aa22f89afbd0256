/**
 * Timers of all playbacks of a gateway. Those that end in the same tick share one timer of the event loop: with a timer
 * each, hundreds of playbacks would wake the process up for every entry.
 */
import { MinHeap } from "../../domain/min-heap.ts";
import { eventLoopTimers, type PlaybackTimer, type PlaybackTimers } from "./timers.ts";

/** Length of a tick (ms). A callback is late by at most this time. */
const TICK_MS = 2;
/** Timers of the event loop end up to this time (ms) early. */
const EARLY_MS = 1;
/** Longer waits (ms) are rare and have a timer of their own, so that cancelled ones are not kept until they end. */
const MAX_SHARED_MS = 1000;

/** A call that is due in a tick. One object for each, because there are thousands per second. */
class Call implements PlaybackTimer {
  /** Undefined once it is cancelled. */
  callback: (() => void) | undefined;

  constructor(callback: () => void) {
    this.callback = callback;
  }

  cancel(): void {
    this.callback = undefined;
  }
}

/** Calls of one tick, in the order in which they were added. */
interface Tick {
  readonly number: number;
  readonly calls: Call[];
}

/** Creates timers that share ticks. @param timers the timers that they are based on */
export function createSharedTimers(timers: PlaybackTimers = eventLoopTimers): PlaybackTimers {
  const ticks = new SharedTicks(timers);
  return {
    now: () => timers.now(),
    timeOfDay: () => timers.timeOfDay(),
    after: (ms, callback) =>
      ms > MAX_SHARED_MS ? timers.after(ms, callback) : ticks.add(timers.now() + ms, callback),
  };
}

/** Ticks with callbacks. */
class SharedTicks {
  readonly #timers: PlaybackTimers;
  readonly #byNumber = new Map<number, Tick>();
  readonly #inOrder = new MinHeap<Tick>((a, b) => a.number - b.number);
  /** The tick that the timer waits for; undefined if there is no timer. */
  #awaited: number | undefined;
  #timer: PlaybackTimer | undefined;

  constructor(timers: PlaybackTimers) {
    this.#timers = timers;
  }

  /** Calls back at a time, or up to a tick later. */
  add(time: number, callback: () => void): PlaybackTimer {
    const call = new Call(callback);
    this.#tickAt(Math.ceil(time / TICK_MS)).calls.push(call);
    this.#await();
    return call;
  }

  #tickAt(number: number): Tick {
    const known = this.#byNumber.get(number);
    if (known !== undefined) return known;
    const tick: Tick = { number, calls: [] };
    this.#byNumber.set(number, tick);
    this.#inOrder.add(tick);
    return tick;
  }

  /** Waits for the next tick, unless the timer already does. */
  #await(): void {
    const next = this.#inOrder.peek()?.number;
    if (next === undefined || (this.#awaited !== undefined && this.#awaited <= next)) return;
    this.#timer?.cancel();
    this.#awaited = next;
    this.#timer = this.#timers.after(Math.max(0, next * TICK_MS - this.#timers.now()), () => this.#run());
  }

  /** Calls the due callbacks. */
  #run(): void {
    this.#awaited = undefined;
    this.#timer = undefined;
    const last = Math.floor((this.#timers.now() + EARLY_MS) / TICK_MS);
    for (
      let tick = this.#inOrder.peek();
      tick !== undefined && tick.number <= last;
      tick = this.#inOrder.peek()
    ) {
      this.#inOrder.take();
      this.#byNumber.delete(tick.number);
      for (const { callback } of tick.calls) callback?.();
    }
    this.#await();
  }
}
