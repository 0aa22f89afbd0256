/**
 * Plays a range of history: reads ahead, and sends each entry when it is due. If the client is slower, the clock waits, or
 * with `latest` runs on and entries are skipped.
 */
import { type EntryId, laterId } from "../../domain/streams/entry-id.ts";
import type { DeliveryContext } from "../delivery.ts";
import type { StreamState } from "../stream-state.ts";
import { ReadAhead } from "./ahead/read-ahead.ts";
import { cursorBefore } from "./frame-sender.ts";
import type { PlaybackOptions } from "./options.ts";
import { Schedule } from "./schedule.ts";
import { Sending } from "./sending.ts";
import type { StateReports } from "./state-reports.ts";
import type { PlaybackTimers } from "./timers.ts";

/** Parts of a player. */
export interface PlayerParts {
  /** Maximum bytes that are read ahead per stream. */
  readonly pageBytes: number;
  /** The player handles the exceptions of its callbacks. */
  readonly timers: PlaybackTimers;
  readonly reports: StateReports;
  /** Called at the end of the range. The player has stopped. */
  readonly onEnded: () => void;
}

/** Delay (ms) before a loop starts again, after a round with entries or without. */
const LOOP_MS = { played: 100, empty: 1000 };

/** Sends entries while it plays, and single ones in steps. */
export class Player<Frame> {
  readonly schedule: Schedule;
  readonly #context: DeliveryContext<Frame>;
  readonly #options: PlaybackOptions;
  readonly #reports: StateReports;
  readonly #onEnded: () => void;
  readonly #ahead: ReadAhead;
  readonly #sending: Sending<Frame>;
  #isPlaying = true;
  #seeks = 0;
  /** The playing state was reported. */
  #isStarted = false;

  constructor(context: DeliveryContext<Frame>, options: PlaybackOptions, parts: PlayerParts) {
    const { timers, pageBytes, reports, onEnded } = parts;
    this.#context = context;
    this.#options = options;
    this.#reports = reports;
    this.#onEnded = onEnded;
    const from = context.states.reduce((latest, { cursor }) => laterId(latest, cursor), options.start);
    this.schedule = new Schedule(timers, options.rate, from);
    this.#ahead = new ReadAhead(context, {
      ...{ end: options.end, pageBytes, timers },
      rate: () => this.schedule.rate,
      onPage: this.advance,
    });
    this.#sending = new Sending(context, options, {
      ...{ timers, schedule: this.schedule, ahead: this.#ahead },
      onDue: this.advance,
      onStep: () => reports.changed(),
    });
  }

  /** Number of moves to another time. */
  get seeks(): number {
    return this.#seeks;
  }

  /** Whether a frame is being encoded in slices. */
  get isEncoding(): boolean {
    return this.#sending.isEncoding;
  }

  /** Reads another stream, from its cursor or the start of the range. */
  add(state: StreamState): void {
    state.birth = undefined;
    this.#setCursor(state, laterId(state.cursor, cursorBefore(this.#options.start)));
    this.#ahead.add(state);
    this.advance();
  }

  /** Ends reading a stream. */
  remove(state: StreamState): void {
    this.#ahead.remove(state);
    // A frame that is being encoded may have entries of the stream.
    this.#sending.cancelFrame();
    this.advance();
  }

  /** Plays on from the cursors. Steps that are not done are dropped. */
  play(): void {
    if (!this.#isPlaying) this.#cancel();
    this.#isPlaying = true;
    this.#isStarted = true;
    this.advance();
  }

  /**
   * Stops the clock, and forgets the entries that were read: they are read again later, which may be in hours. Another
   * delivery may continue at the cursors.
   */
  stop(): void {
    this.#isPlaying = false;
    this.#cancel();
    this.schedule.hold();
    this.#ahead.reset();
  }

  /** Moves all streams to an id, and counts that as a seek. */
  moveTo(id: EntryId): void {
    this.#cancel();
    this.#seeks++;
    this.#sending.startRound();
    const cursor = cursorBefore(id);
    for (const state of this.#context.states) this.#setCursor(state, cursor);
    this.#ahead.reset();
    this.schedule.moveTo(id);
  }

  /** Requests another entry, ahead or back, while it is stopped. Does nothing if too many steps wait. */
  step(steps: number): void {
    this.#sending.requestStep(steps);
    this.advance();
  }

  /** Reads again after the cursors that the other delivery has reached, but stays stopped. */
  resume(): void {
    this.schedule.moveToPresent();
    for (const state of this.#context.states) state.birth = undefined;
  }

  /** Sends the due entries, and waits for the next one. An exception ends the subscription. */
  readonly advance = (): void => this.#attempt(() => this.#advance());

  /** Calls a step. Timers have no caller that handles its exception. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#context.onError(error);
    }
  }

  #advance(): void {
    this.schedule.endTimer();
    if (!this.#isPlaying && !this.#sending.isBusy && !this.#context.isHalted()) this.#sending.takeStep();
    while (this.#isPlaying && !this.#sending.isBusy) if (!this.#advanceOnce()) return;
    if (this.#isPlaying && this.#sending.isEncoding) this.#wait();
  }

  /** Drops the entries that are about to be sent. */
  #cancel(): void {
    this.#sending.cancel();
    this.schedule.endTimer();
  }

  #setCursor(state: StreamState, cursor: EntryId): void {
    state.cursor = cursor;
    state.madeFromTime = cursor;
    state.hasGap = false;
  }

  /** @returns whether there may be more to do now */
  #advanceOnce(): boolean {
    // Without memory for a frame, pages that are not needed yet would hold it.
    this.#ahead.fill(!this.#sending.isDenied);
    const { next } = this.#ahead;
    if (next === undefined) {
      if (this.#ahead.isAtEnd) this.#finish();
      else this.#waitForPage();
      return false;
    }
    const waitMs = this.schedule.waitFor(next);
    if (waitMs === 0 && this.#context.isHalted()) {
      this.#fallBehind(next);
      return false;
    }
    this.#continue();
    if (waitMs > 0) {
      this.#sending.onTime();
      this.schedule.after(waitMs, this.advance);
      return false;
    }
    this.#sending.sendDue();
    return true;
  }

  /** Starts the clock, unless it runs. */
  #continue(): void {
    this.schedule.run();
    if (this.#isStarted) this.#reports.continued();
    else this.#reports.changed();
    this.#isStarted = true;
  }

  #waitForPage(): void {
    this.#wait();
    const { delayMs } = this.#ahead;
    if (delayMs > 0) this.schedule.after(delayMs, this.advance);
  }

  /** Reports that the next entries are being read or encoded. If that takes long, the clock waits. */
  #wait(): void {
    this.#reports.waiting(() => this.schedule.hold());
  }

  /** Waits, or skips, because an entry is due that the client cannot take. */
  #fallBehind(next: EntryId): void {
    if (this.schedule.rate === 0 || this.#sending.fallBehind()) return;
    this.schedule.holdAt(next);
    this.#reports.waiting(() => undefined);
  }

  #finish(): void {
    this.#reports.continued();
    if (!this.#options.loop) {
      this.stop();
      this.#onEnded();
      return;
    }
    const delayMs = this.#sending.hasSent ? LOOP_MS.played : LOOP_MS.empty;
    const restart = () => {
      this.moveTo(this.#options.start);
      this.#reports.changed();
      this.advance();
    };
    this.schedule.after(delayMs, () => this.#attempt(restart));
  }
}
