/** Plays recordings: delivers each entry when it is due, and takes commands while it runs. */
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { timeOfId } from "../../src/domain/streams/entry-id.ts";
import type {
  RecordedEntry,
  RecordingChannel,
  RecordingReader,
} from "../../src/recordings/files/read-recording.ts";
import { ageText } from "../output/quantities.ts";
import { mergeById } from "../streams/merge.ts";
import { PlayClock } from "./play-clock.ts";

/** Range, selection, speed and clock of a replay. */
export interface PlayerOptions {
  /** Range in ms since 1970, both included. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly selects: (channel: RecordingChannel) => boolean;
  /** Speed; 0 is as fast as possible. */
  readonly rate: number;
  readonly isPaused: boolean;
  readonly signal: AbortSignal;
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

/** Maximum wait before the clock is read again, ms. */
const LONGEST_WAIT_MS = 60_000;
/** Shortest delay of a timer, ms. */
const MIN_DELAY_MS = 1;

/** Plays files. */
export class Player {
  readonly #readers: readonly RecordingReader[];
  readonly #options: PlayerOptions;
  readonly #clock: PlayClock;
  /** Aborted by each command, so that the wait for the next entry ends. */
  #command = new AbortController();
  /** Time that a command selected, until the entries are read from there. */
  #soughtMs: number | undefined;

  constructor(readers: readonly RecordingReader[], options: PlayerOptions) {
    this.#readers = readers;
    this.#options = options;
    this.#clock = new PlayClock(options.rate, options.fromMs, options.isPaused, options.now);
  }

  /** Delivers all entries from the beginning, until the end or the signal. @throws Error if a file is damaged */
  async play(deliver: (entry: RecordedEntry) => Promise<void>): Promise<void> {
    this.#soughtMs = this.#options.fromMs;
    while (this.#soughtMs !== undefined && !this.#options.signal.aborted) {
      const fromMs = this.#soughtMs;
      this.#soughtMs = undefined;
      this.#clock.jump(fromMs);
      await this.#playFrom(fromMs, deliver);
    }
  }

  togglePause(): void {
    this.#clock.setPaused(!this.#clock.isPaused);
    this.#wake();
  }

  /** @param seconds negative to go back */
  seek(seconds: number): void {
    const { fromMs, toMs } = this.#options;
    const wantedMs = (this.#soughtMs ?? this.#clock.positionMs) + seconds * 1e3;
    this.#soughtMs = Math.min(toMs, Math.max(fromMs, wantedMs));
    this.#wake();
  }

  /** Returns the position as text. */
  progress(): string {
    const { fromMs, toMs, rate } = this.#options;
    const position = Math.min(this.#clock.positionMs, toMs) - fromMs;
    const speed = rate === 0 ? "" : `, ×${rate}`;
    return `${ageText(position)} of ${ageText(toMs - fromMs)}${speed}${this.#clock.isPaused ? ", paused" : ""}`;
  }

  async #playFrom(fromMs: number, deliver: (entry: RecordedEntry) => Promise<void>): Promise<void> {
    const { toMs, selects, signal } = this.#options;
    const sequences = this.#readers.map((reader) => reader.read({ fromMs, toMs, selects }));
    for await (const recorded of mergeById(sequences, ({ entry }) => entry.id)) {
      const timeMs = timeOfId(recorded.entry.id);
      if (!(await this.#isDue(timeMs)) || signal.aborted) return;
      this.#clock.reached(timeMs);
      await deliver(recorded);
    }
  }

  /** Waits until a time is reached. @returns false if a command or the signal ends the wait */
  async #isDue(timeMs: number): Promise<boolean> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      if (this.#soughtMs !== undefined) return false;
      const delayMs = this.#clock.delayMs(timeMs);
      if (delayMs !== undefined && delayMs < MIN_DELAY_MS) return true;
      const wait = AbortSignal.any([signal, this.#command.signal]);
      await sleep(Math.min(delayMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS), wait).catch(() => undefined);
    }
    return false;
  }

  #wake(): void {
    this.#command.abort();
    this.#command = new AbortController();
  }
}
