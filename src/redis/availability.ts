/**
 * Availability of Redis: reports to clients within about two seconds that Redis does not reply. Connections wait far longer
 * before they give up (`resp/stall-detector.ts`), so that commands survive a short outage. A user who watches a live display
 * needs to know earlier.
 */
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "../observe/counters.ts";
import { callEach } from "../observe/faults.ts";

/** Called when Redis stops replying, with the time of its last reply, and with undefined when it replies again. */
export type OnAvailability = (unavailableSince: Date | undefined) => void;

/** Reports whether Redis replies. */
export interface Availability {
  /** Returns the time of the last reply if Redis is unavailable; undefined if it is available. */
  unavailableSince(): Date | undefined;
  /** @returns a function that unsubscribes */
  watch(onChange: OnAvailability): () => void;
  close(): void;
}

/** Dependencies of the availability watch. */
export interface AvailabilityParts {
  /** Resolves when Redis replies. Not called again before it has settled. */
  readonly ping: () => Promise<void>;
  readonly counters: Counters;
  readonly logger: Logger;
}

/** Interval (ms) between checks. */
const CHECK_MS = 500;
/** Checks in a row without a reply. Counting checks instead of time ignores stalls of this process. */
const MAX_UNANSWERED_CHECKS = 4;

/** Starts the checks. */
export function watchAvailability({ ping, counters, logger }: AvailabilityParts): Availability {
  const watchers = new Set<OnAvailability>();
  let repliedAt = new Date();
  let unanswered = 0;
  let isPinging = false;
  let since: Date | undefined;

  function sendPing(): void {
    isPinging = true;
    ping().then(
      () => {
        isPinging = false;
        repliedAt = new Date();
        unanswered = 0;
        if (since !== undefined) change(undefined);
      },
      // Counts as no reply; the next check sends the next ping.
      () => {
        isPinging = false;
      },
    );
  }

  function check(): void {
    if (++unanswered > MAX_UNANSWERED_CHECKS && since === undefined) change(repliedAt);
    if (!isPinging) sendPing();
  }

  function change(now: Date | undefined): void {
    if (now === undefined) logger.info({ since }, "Redis replies again");
    else logger.warn({ since: now }, "Redis does not reply: readers and writers wait for it");
    since = now;
    counters.redisUnavailable = now === undefined ? 0 : 1;
    callEach([...watchers], (watcher) => watcher(now), "watcher of Redis", { counters, logger });
  }

  const timer = setInterval(check, CHECK_MS);
  sendPing();
  return {
    unavailableSince: () => since,
    watch(onChange) {
      watchers.add(onChange);
      return () => watchers.delete(onChange);
    },
    close: () => clearInterval(timer),
  };
}
