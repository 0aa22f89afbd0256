/**
 * Plays a range of history: reads ahead, and sends each entry when it is due. If the client is slower, the clock waits, or
 * with `latest` runs on and entries are skipped.
 */
import { type EntryId, laterId } from "../../domain/streams/entry-id.ts";
import { watermark } from "../../domain/streams/watermark.ts";
import type { DeliveryContext } from "../delivery.ts";
import type { StreamState } from "../stream-state.ts";
import { ReadAhead } from "./ahead/read-ahead.ts";
import { EntryLookups } from "./entry-lookups.ts";
import { cursorBefore, FrameSender, type Runs } from "./frame-sender.ts";
import type { PlaybackOptions } from "./options.ts";
import { Schedule } from "./schedule.ts";
import type { StateReports } from "./state-reports.ts";
import { Steps } from "./steps.ts";
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

/** Maximum entries in a frame. */
const MAX_ENTRIES = 1024;
/** Delay (ms) before a loop starts again, after a round with entries or without. */
const LOOP_MS = { played: 100, empty: 1000 };

/** Sends entries while it plays, and single ones in steps. */
export class Player<Frame> {
  readonly schedule: Schedule;
  readonly #context: DeliveryContext<Frame>;
  readonly #options: PlaybackOptions;
  readonly #reports: StateReports;
  readonly #onEnded: () => void;
  readonly #timers: PlaybackTimers;
  readonly #ahead: ReadAhead;
  readonly #sender: FrameSender<Frame>;
  readonly #lookups: EntryLookups;
  #isPlaying = true;
  #seeks = 0;
  /** The playing state was reported. */
  #isStarted = false;
  /** With `latest`: an entry fell due while the client could not take it. */
  #isLate = false;
  readonly #steps: Steps;
  #sentInRound = 0;

  constructor(context: DeliveryContext<Frame>, options: PlaybackOptions, parts: PlayerParts) {
    const { timers, pageBytes, reports, onEnded } = parts;
    this.#context = context;
    this.#options = options;
    this.#reports = reports;
    this.#onEnded = onEnded;
    this.#timers = timers;
    this.#ahead = new ReadAhead(context, {
      end: options.end,
      pageBytes,
      timers,
      rate: () => this.schedule.rate,
      onPage: this.advance,
    });
    this.#sender = new FrameSender(context, {
      onSending: (runs) => this.#onSending(runs),
      onEncoded: (isWritten) => this.#onEncoded(isWritten),
    });
    this.#lookups = new EntryLookups(context, this.advance);
    const from = context.states.reduce((latest, { cursor }) => laterId(latest, cursor), options.start);
    this.schedule = new Schedule(timers, options.rate, from);
    this.#steps = new Steps({
      range: options,
      timers,
      schedule: this.schedule,
      lookups: this.#lookups,
      ahead: this.#ahead,
      onDue: this.advance,
      send: (runs, sent) => this.#sendFound(runs, sent),
      onTaken: () => reports.changed(),
    });
  }

  /** Number of moves to another time. */
  get seeks(): number {
    return this.#seeks;
  }

  /** Whether a frame is being encoded in slices. */
  get isEncoding(): boolean {
    return this.#sender.isEncoding;
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
    this.#sender.cancel();
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
    this.#sentInRound = 0;
    const cursor = cursorBefore(id);
    for (const state of this.#context.states) this.#setCursor(state, cursor);
    this.#ahead.reset();
    this.schedule.moveTo(id);
  }

  /** Requests another entry, ahead or back, while it is stopped. Does nothing if too many steps wait. */
  step(steps: number): void {
    this.#steps.request(steps);
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
    if (!this.#isPlaying && !this.#isBusy && !this.#context.isHalted()) this.#steps.take();
    while (this.#isPlaying && !this.#isBusy) if (!this.#advanceOnce()) return;
    if (this.#isPlaying && this.#sender.isEncoding) this.#wait();
  }

  /** Whether the next entries have to wait for those that are being looked up or encoded. */
  get #isBusy(): boolean {
    return this.#lookups.isReading || this.#sender.isEncoding;
  }

  /** Drops the entries that are about to be sent. */
  #cancel(): void {
    this.#steps.clear();
    this.#isLate = false;
    this.#lookups.cancel();
    this.#sender.cancel();
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
    this.#ahead.fill(!this.#sender.isDenied);
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
      this.#isLate = false;
      this.schedule.after(waitMs, this.advance);
      return false;
    }
    if (this.#isLate) this.#skip();
    else this.#sendDue();
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
    if (this.schedule.rate === 0) return;
    if (this.#maySkip) {
      this.#isLate = true;
      return;
    }
    this.schedule.holdAt(next);
    this.#reports.waiting(() => undefined);
  }

  /** Sends the next entry, which is due, and those that are due with it. */
  #sendDue(): void {
    const { count = Number.POSITIVE_INFINITY } = this.#options;
    const runs = this.#ahead.take({ upToMs: this.schedule.dueMs, perStream: count, entries: MAX_ENTRIES });
    if (!this.#sender.send(runs)) this.#readAgain();
  }

  #onSending(runs: Runs): void {
    for (const { entries } of runs) this.#sentInRound += entries.length;
    const last = runs.at(-1)?.entries.at(-1);
    if (this.schedule.rate === 0 && last !== undefined) this.schedule.reach(last.id);
  }

  #onEncoded(isWritten: boolean): void {
    if (!isWritten) this.#readAgain();
    // Without skips, a playback whose frames take longer to encode than to play would fall behind ever more.
    else this.#isLate = this.#maySkip;
    this.advance();
  }

  /** Reads entries again that were taken and could not be sent. */
  #readAgain(): void {
    this.#ahead.reset();
    this.#isLate = this.#maySkip;
  }

  /** Whether entries are skipped if they cannot be sent in time. */
  get #maySkip(): boolean {
    return this.#options.latest && this.schedule.rate !== 0;
  }

  #finish(): void {
    this.#reports.continued();
    if (!this.#options.loop) {
      this.stop();
      this.#onEnded();
      return;
    }
    const delayMs = this.#sentInRound > 0 ? LOOP_MS.played : LOOP_MS.empty;
    const restart = () => {
      this.moveTo(this.#options.start);
      this.#reports.changed();
      this.advance();
    };
    this.schedule.after(delayMs, () => this.#attempt(restart));
  }

  /** Sends the newest entries that are due, and skips those before. */
  #skip(): void {
    this.#isLate = false;
    const { count = 1, end } = this.#options;
    this.#ahead.reset();
    const dueId = this.schedule.dueId(end);
    const upTo = this.#context.states.length > 1 ? watermark(dueId, this.#timers.timeOfDay()) : dueId;
    this.#lookups.newest(upTo, count, (runs) => this.#sendFound(runs));
  }

  /** Sends entries that were looked up, and continues after them. */
  #sendFound(runs: Runs, sent: () => void = () => undefined): void {
    const written = () => {
      this.#ahead.reset();
      sent();
    };
    if (runs.length === 0) written();
    else if (!this.#sender.send(runs, written)) this.#readAgain();
  }
}
