/** Delivery schedule of a pulling socket: acks, `max_fps`, and empty payloads while streams are idle. */
import type { Subscription } from "../../../live/subscription.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
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
export function createSchedule(
  { intervalMs, blockMs, encoder }: PullRequest,
  sink: ByteSink,
  acks: Acks | undefined,
) {
  let subscription: Subscription | undefined;
  let lastSentAt = performance.now();
  let rateTimer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;

  function sent(): void {
    const before = lastSentAt;
    lastSentAt = performance.now();
    if (acks?.take(() => subscription?.resume("pending-ack")) === false) subscription?.pause("pending-ack");
    if (intervalMs === 0) return;
    // Measured from the time when this payload was due, so that a late timer does not reduce the rate.
    const lateness = Math.min(intervalMs, Math.max(0, lastSentAt - before - intervalMs));
    subscription?.pause("rate-limit");
    rateTimer = setTimeout(() => subscription?.resume("rate-limit"), Math.max(1, intervalMs - lateness));
  }

  function sendWhenIdle(): void {
    const idleMs = performance.now() - lastSentAt;
    // Timers may fire up to 1 ms early.
    const isIdle = subscription?.isPaused() === false && !subscription.isEncoding();
    const isQuiet = idleMs >= blockMs - 1 && isIdle;
    if (isQuiet && encoder.empty !== undefined) {
      sink.write(encoder.empty);
      sent();
    }
    idleTimer = setTimeout(sendWhenIdle, isQuiet ? blockMs : Math.max(1, blockMs - idleMs));
  }

  return {
    sent,
    start(started: Subscription) {
      subscription = started;
      if (blockMs > 0 && encoder.empty !== undefined) idleTimer = setTimeout(sendWhenIdle, blockMs);
    },
    stop() {
      clearTimeout(rateTimer);
      clearTimeout(idleTimer);
    },
  };
}
