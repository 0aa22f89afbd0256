/** Schedule of a playback: when its next entry is due on the virtual clock, and the timer that waits for it. */
import { type EntryId, earlierId, FIRST_ID, LAST_ID, timeOfId } from "../../domain/streams/entry-id.ts";
import { PlaybackClock } from "./clock.ts";
import type { PlaybackTimer, PlaybackTimers } from "./timers.ts";

/** Entries that are due within this time (ms) are one batch. */
const BATCH_MS = 4;
/** Timers fire up to this time (ms) early. */
const TICK_MS = 1;
/** The last sequence number of a millisecond. */
const LAST_SEQUENCE = LAST_ID.slice(LAST_ID.indexOf("-"));

/** The clock with its timer. */
export class Schedule {
  readonly #timers: PlaybackTimers;
  readonly #clock: PlaybackClock;
  /** The clock has no time before the first entry is known. */
  #hasTime: boolean;
  #timer: PlaybackTimer | undefined;

  /** @param from where the playback starts; `0-0`: at the first entry */
  constructor(timers: PlaybackTimers, rate: number, from: EntryId) {
    this.#timers = timers;
    this.#clock = new PlaybackClock(rate, timeOfId(from));
    this.#hasTime = from !== FIRST_ID;
  }

  /** Virtual time, in ms since 1970. */
  get time(): number {
    return this.#clock.timeAt(this.#timers.now());
  }

  /** Multiple of the original pace; 0 if everything is due at once. */
  get rate(): number {
    return this.#clock.rate;
  }

  /** Changes the rate at the current time. */
  setRate(rate: number): void {
    this.#clock.setRate(rate, this.#timers.now());
  }

  /** Returns the time (ms) until an entry is due; 0 if it is due now. Before the first entry, its time is the present one. */
  waitFor(next: EntryId): number {
    const now = this.#timers.now();
    const time = timeOfId(next);
    if (!this.#hasTime) this.#clock.seek(time, now);
    this.#hasTime = true;
    const waitMs = this.#clock.dueAt(time, now) - now;
    return waitMs < TICK_MS ? 0 : waitMs;
  }

  /** Returns the last time (ms) that is due by now, or within the time of a batch. */
  get dueMs(): number {
    if (this.#clock.rate === 0) return Number.POSITIVE_INFINITY;
    return this.#clock.timeAt(this.#timers.now() + BATCH_MS);
  }

  /** Returns the last id that is due, like `dueMs`. @param end the greatest id */
  dueId(end: EntryId): EntryId {
    return this.#clock.rate === 0 ? end : earlierId(lastIdOf(this.dueMs), end);
  }

  /** Starts the clock, unless it runs. */
  run(): void {
    if (!this.#clock.isRunning) this.#clock.run(this.#timers.now());
  }

  /** Stops the clock. */
  hold(): void {
    this.#clock.hold(this.#timers.now());
  }

  /** Stops the clock, so that an entry that is due does not become later. */
  holdAt(next: EntryId): void {
    const now = this.#timers.now();
    this.#clock.hold(now, Math.min(timeOfId(next), this.#clock.timeAt(now)));
  }

  /** Moves the clock to the time of an entry that was sent. It keeps running, or stays held. */
  reach(id: EntryId): void {
    this.#clock.seek(timeOfId(id), this.#timers.now());
    this.#hasTime = true;
  }

  /** Stops the clock at an id; `0-0`: at the first entry. */
  moveTo(id: EntryId): void {
    this.hold();
    this.#clock.seek(timeOfId(id), this.#timers.now());
    this.#hasTime = id !== FIRST_ID;
  }

  /** Stops the clock at the present time of day. */
  moveToPresent(): void {
    this.hold();
    this.#clock.seek(this.#timers.timeOfDay(), this.#timers.now());
  }

  /** Calls back once, in place of an earlier call. */
  after(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#timers.after(ms, callback);
  }

  /** Cancels the call. */
  endTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** The last id of a time in ms, which may have a fraction. */
const lastIdOf = (ms: number): EntryId =>
  `${Math.floor(Math.min(Math.max(0, ms), Number.MAX_SAFE_INTEGER))}${LAST_SEQUENCE}` as EntryId;
