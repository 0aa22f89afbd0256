/** Delivery schedule of a pulling socket: acks, `max_fps`, and empty payloads while streams are idle. */
import type { Subscription } from "../../../live/subscription.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import type { Chunks } from "../../response/memory/chunks.ts";
import type { PullRequest } from "./pull-request.ts";

/** Maximum number of acks that a client can send in advance. */
const MAX_CREDITS = 1_000_000;

/** Acks of the client. Each one permits one further payload. */
export interface Acks {
  arrived(): void;
  /** Consumes an ack that was sent in advance, or calls back on the next ack. @returns whether there was one */
  take(onAck: () => void): boolean;
}

/** Creates the acks of one client. */
export function createAcks(): Acks {
  let credits = 0;
  let waiting: (() => void) | undefined;
  return {
    arrived() {
      const callback = waiting;
      waiting = undefined;
      if (callback !== undefined) callback();
      else credits = Math.min(credits + 1, MAX_CREDITS);
    },
    take(onAck) {
      if (credits > 0) {
        credits--;
        return true;
      }
      waiting = onAck;
      return false;
    },
  };
}

/** Whether acks, `max_fps` or `block` control when payloads are sent. Most readers need only the sink. */
export const hasSchedule = ({ wantsAck, intervalMs, blockMs, encoder }: PullRequest): boolean =>
  wantsAck || intervalMs > 0 || (blockMs > 0 && encoder.empty !== undefined);

/** Delivery schedule: after an ack, at most `max_fps` payloads a second, and an empty payload after `block` ms. */
export class PullSchedule {
  readonly #intervalMs: number;
  readonly #blockMs: number;
  /** Empty payload; undefined if none is ever sent. */
  readonly #empty: Chunks | undefined;
  readonly #sink: ByteSink;
  readonly #acks: Acks | undefined;
  #subscription: Subscription | undefined;
  #lastSentAt = performance.now();
  #rateTimer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor({ intervalMs, blockMs, encoder }: PullRequest, sink: ByteSink, acks: Acks | undefined) {
    this.#intervalMs = intervalMs;
    this.#blockMs = blockMs;
    this.#empty = blockMs > 0 ? encoder.empty : undefined;
    this.#sink = sink;
    this.#acks = acks;
  }

  start(subscription: Subscription): void {
    this.#subscription = subscription;
    if (this.#empty !== undefined) this.#idleTimer = setTimeout(this.#sendWhenIdle, this.#blockMs);
  }

  /** Call after each payload. */
  sent(): void {
    const subscription = this.#subscription;
    const before = this.#lastSentAt;
    const now = performance.now();
    this.#lastSentAt = now;
    if (this.#acks?.take(() => subscription?.resume("pending-ack")) === false)
      subscription?.pause("pending-ack");
    const intervalMs = this.#intervalMs;
    if (intervalMs === 0) return;
    // Measured from the time when this payload was due, so that a late timer does not reduce the rate.
    const lateness = Math.min(intervalMs, Math.max(0, now - before - intervalMs));
    subscription?.pause("rate-limit");
    const waitMs = Math.max(1, intervalMs - lateness);
    this.#rateTimer = setTimeout(() => subscription?.resume("rate-limit"), waitMs);
  }

  stop(): void {
    clearTimeout(this.#rateTimer);
    clearTimeout(this.#idleTimer);
  }

  readonly #sendWhenIdle = (): void => {
    const subscription = this.#subscription;
    const blockMs = this.#blockMs;
    const idleMs = performance.now() - this.#lastSentAt;
    // Timers may fire up to 1 ms early.
    const isIdle = subscription?.isPaused() === false && !subscription.isEncoding();
    const isQuiet = idleMs >= blockMs - 1 && isIdle;
    if (isQuiet && this.#empty !== undefined) {
      this.#sink.write(this.#empty);
      this.sent();
    }
    this.#idleTimer = setTimeout(this.#sendWhenIdle, isQuiet ? blockMs : Math.max(1, blockMs - idleMs));
  };
}
