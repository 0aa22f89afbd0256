/**
 * What a playback sends: the entries that are due, the newest of them if it skips, or those of a step. One of these at a time.
 * Entries that cannot be sent are read again, because the cursors move when a frame is written.
 */
import { watermark } from "../../domain/streams/watermark.ts";
import type { DeliveryContext } from "../delivery.ts";
import type { ReadAhead } from "./ahead/read-ahead.ts";
import { EntryLookups } from "./entry-lookups.ts";
import { FrameSender, type Runs } from "./frame-sender.ts";
import type { PlaybackOptions } from "./options.ts";
import type { Schedule } from "./schedule.ts";
import { Steps } from "./steps.ts";
import type { PlaybackTimers } from "./timers.ts";

/** Parts of a player that its sending uses. */
export interface SendingParts {
  readonly timers: PlaybackTimers;
  readonly schedule: Schedule;
  readonly ahead: ReadAhead;
  /** Called when more may be sent. Does not throw. */
  readonly onDue: () => void;
  /** Called after each step. */
  readonly onStep: () => void;
}

/** Maximum entries in a frame. */
const MAX_ENTRIES = 1024;

/** Sends the entries of a playback. */
export class Sending<Frame> {
  readonly #context: DeliveryContext<Frame>;
  readonly #options: PlaybackOptions;
  readonly #parts: SendingParts;
  readonly #sender: FrameSender<Frame>;
  readonly #lookups: EntryLookups;
  readonly #steps: Steps;
  /** With `latest`: an entry fell due while the client could not take it. */
  #isLate = false;
  #hasSent = false;

  constructor(context: DeliveryContext<Frame>, options: PlaybackOptions, parts: SendingParts) {
    const { timers, schedule, ahead, onDue, onStep } = parts;
    this.#context = context;
    this.#options = options;
    this.#parts = parts;
    this.#sender = new FrameSender(context, {
      onSending: (runs) => this.#onSending(runs),
      onEncoded: (isWritten) => this.#onEncoded(isWritten),
    });
    this.#lookups = new EntryLookups(context, onDue);
    this.#steps = new Steps({
      ...{ range: options, timers, schedule, lookups: this.#lookups, ahead, onDue },
      send: (runs, sent) => this.#sendFound(runs, sent),
      onTaken: onStep,
    });
  }

  /** Whether the next entries have to wait for those that are being looked up or encoded. */
  get isBusy(): boolean {
    return this.#lookups.isReading || this.#sender.isEncoding;
  }

  /** Whether a frame is being encoded in slices. */
  get isEncoding(): boolean {
    return this.#sender.isEncoding;
  }

  /** Whether there was no memory for the last frame. */
  get isDenied(): boolean {
    return this.#sender.isDenied;
  }

  /** Whether entries were sent since the last call of `startRound`. */
  get hasSent(): boolean {
    return this.#hasSent;
  }

  /** Begins to observe whether entries are sent. */
  startRound(): void {
    this.#hasSent = false;
  }

  /** Drops the entries that are about to be sent, and the steps that are not done. */
  cancel(): void {
    this.#steps.clear();
    this.#isLate = false;
    this.#lookups.cancel();
    this.#sender.cancel();
  }

  /** Drops the frame that is being encoded. Its entries are read again. */
  cancelFrame(): void {
    this.#sender.cancel();
  }

  /** Requests a step. Does nothing if too many wait. */
  requestStep(steps: number): void {
    this.#steps.request(steps);
  }

  /** Takes the next step, if one is requested. */
  takeStep(): void {
    this.#steps.take();
  }

  /** An entry is due that the client cannot take. @returns whether entries are skipped when it can */
  fallBehind(): boolean {
    this.#isLate = this.#options.latest && this.#parts.schedule.rate !== 0;
    return this.#isLate;
  }

  /** No entry is due: none is skipped. */
  onTime(): void {
    this.#isLate = false;
  }

  /** Sends the next entry, which is due, and those that are due with it; or skips entries, if the client fell behind. */
  sendDue(): void {
    if (this.#isLate) {
      this.#skip();
      return;
    }
    const { ahead, schedule } = this.#parts;
    const { count = Number.POSITIVE_INFINITY } = this.#options;
    const runs = ahead.take({ upToMs: schedule.dueMs, perStream: count, entries: MAX_ENTRIES });
    if (!this.#sender.send(runs)) this.#readAgain();
  }

  #onSending(runs: Runs): void {
    this.#hasSent = true;
    const { schedule } = this.#parts;
    const last = runs.at(-1)?.entries.at(-1);
    if (schedule.rate === 0 && last !== undefined) schedule.reach(last.id);
  }

  #onEncoded(isWritten: boolean): void {
    if (!isWritten) this.#readAgain();
    // Without skips, a playback whose frames take longer to encode than to play would fall behind ever more.
    else this.fallBehind();
    this.#parts.onDue();
  }

  /** Reads entries again that were taken and could not be sent. */
  #readAgain(): void {
    this.#parts.ahead.reset();
    this.fallBehind();
  }

  /** Sends the newest entries that are due, and skips those before. */
  #skip(): void {
    this.#isLate = false;
    const { schedule, timers, ahead } = this.#parts;
    const { count = 1, end } = this.#options;
    ahead.reset();
    const dueId = schedule.dueId(end);
    const upTo = this.#context.states.length > 1 ? watermark(dueId, timers.timeOfDay()) : dueId;
    this.#lookups.newest(upTo, count, (runs) => this.#sendFound(runs));
  }

  /** Sends entries that were looked up, and continues after them. */
  #sendFound(runs: Runs, sent: () => void = () => undefined): void {
    const written = () => {
      this.#parts.ahead.reset();
      sent();
    };
    if (runs.length === 0) written();
    else if (!this.#sender.send(runs, written)) this.#readAgain();
  }
}
