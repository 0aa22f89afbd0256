/**
 * Reports within about two seconds that Redis does not answer. Connections wait far longer before they give up, which is
 * right for what they carry and too late for a person who looks at a console that still shows "live".
 */
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "../observe/counters.ts";

/** Called when Redis stops answering, with the time of its last answer, and with undefined when it answers again. */
export type OnAvailability = (unavailableSince: Date | undefined) => void;

/** Whether Redis answers. */
export interface Availability {
  /** The time of the last answer where Redis does not answer now; undefined where it does. */
  unavailableSince(): Date | undefined;
  /** @returns a function that unsubscribes */
  watch(onChange: OnAvailability): () => void;
  close(): void;
}

/** What is watched, and where that is reported. */
export interface AvailabilityParts {
  /** Resolves when Redis answers. One is under way at a time. */
  readonly ping: () => Promise<void>;
  readonly counters: Counters;
  readonly logger: Logger;
}

const LOOK_MS = 500;
/** Looks in a row without an answer. They are counted, so that a standstill of this process does not count as one of Redis. */
const MOST_QUIET_LOOKS = 4;

/** Starts to watch. */
export function watchAvailability({ ping, counters, logger }: AvailabilityParts): Availability {
  const watchers = new Set<OnAvailability>();
  let answeredAt = new Date();
  let quietLooks = 0;
  let isPinging = false;
  let since: Date | undefined;

  function ask(): void {
    isPinging = true;
    ping().then(
      () => {
        isPinging = false;
        answeredAt = new Date();
        quietLooks = 0;
        if (since !== undefined) change(undefined);
      },
      // It counts as no answer; the next look sends the next ping.
      () => {
        isPinging = false;
      },
    );
  }

  function look(): void {
    if (++quietLooks > MOST_QUIET_LOOKS && since === undefined) change(answeredAt);
    if (!isPinging) ask();
  }

  function change(now: Date | undefined): void {
    if (now === undefined) logger.info({ since }, "Redis answers again");
    else logger.warn({ since: now }, "Redis does not answer: readers and writers wait for it");
    since = now;
    counters.redisUnavailable = now === undefined ? 0 : 1;
    for (const watcher of [...watchers]) watcher(now);
  }

  const timer = setInterval(look, LOOK_MS);
  ask();
  return {
    unavailableSince: () => since,
    watch(onChange) {
      watchers.add(onChange);
      return () => watchers.delete(onChange);
    },
    close: () => clearInterval(timer),
  };
}
