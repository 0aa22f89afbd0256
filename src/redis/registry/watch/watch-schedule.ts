/**
 * Schedule of a stream watch: at intervals, drops prefixes that are no longer used, and looks for changes that Redis does
 * not report.
 */
import type { KeyEvents } from "./key-events.ts";

/** Steps of a stream watch that the schedule calls. */
export interface ScheduledSteps {
  /** Returns the key events; undefined if nothing is watched any more. */
  events(): KeyEvents | undefined;
  /** Drops the prefixes whose last user left before a time. */
  dropIdle(before: number): void;
  /** Scans all keys. */
  listAll(): void;
  /** Iterates over the keys of the known streams. */
  knownKeys(): Iterator<string>;
  /** Looks whether a stream still exists. */
  check(key: string): void;
}

/** Time (ms) for which a prefix is watched after its last user left: polling clients return soon. */
const LINGER_MS = 10_000;
/** Interval (ms) of checks for changes that Redis does not report: removals without events, all changes without tracking. */
const TICK_MS = 2000;
/** Keys that are checked in one interval if Redis does not report removals. */
const KEYS_PER_TICK = 2000;
/** Ticks between two checks of the configuration of Redis. */
const CONFIGURATION_TICKS = 5;

/** Calls the steps of one stream watch while it is started. */
export class WatchSchedule {
  readonly #steps: ScheduledSteps;
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  /** Known keys that are still to be checked in this round. */
  #round: Iterator<string> | undefined;

  constructor(steps: ScheduledSteps) {
    this.#steps = steps;
  }

  /** Starts the schedule, if it is not started yet. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  /** Stops the schedule. It can be started again. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#round = undefined;
  }

  #tick(): void {
    this.#steps.dropIdle(performance.now() - LINGER_MS);
    const events = this.#steps.events();
    if (events === undefined) return;
    if (!events.reportsCreations) this.#steps.listAll();
    else if (!events.reportsRemovals) this.#checkSome();
    if (++this.#ticks % CONFIGURATION_TICKS === 0) events.checkConfiguration().catch(() => undefined);
  }

  /** Checks the next known keys, round and round. */
  #checkSome(): void {
    this.#round ??= this.#steps.knownKeys();
    for (let i = 0; i < KEYS_PER_TICK; i++) {
      const { value, done } = this.#round.next();
      if (done) {
        this.#round = undefined;
        return;
      }
      this.#steps.check(value);
    }
  }
}
