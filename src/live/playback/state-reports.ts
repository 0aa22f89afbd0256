/** State of a playback as clients see it. It is reported on each change, and every second while the playback plays. */
import type { PlaybackTimer, PlaybackTimers } from "./timers.ts";

/** Status of a playback. `buffering`: entries are due that the client cannot take yet, or that are not read yet. */
export type PlaybackStatus = "playing" | "paused" | "buffering" | "ended" | "live";

/** State of a playback, as it is reported to a client. */
export interface PlaybackState {
  readonly status: PlaybackStatus;
  /** Virtual time, in ms since 1970. */
  readonly time: number;
  readonly rate: number;
  /** Number of seeks and of new starts by `loop`. Entries before the first state with this number precede it. */
  readonly seek: number;
}

/** Time (ms) between two reports while a playback plays. */
const REPORT_MS = 1000;
/** Time (ms) for which a playback waits before it is buffering. Shorter waits are not reported. */
const BUFFERING_MS = 250;

/** Reports states. */
export class StateReports {
  readonly #timers: PlaybackTimers;
  readonly #current: () => PlaybackState;
  readonly #onState: ((state: PlaybackState) => void) | undefined;
  #nextReport: PlaybackTimer | undefined;
  #wait: PlaybackTimer | undefined;
  #isBuffering = false;

  /** @param current returns the state, whose status is never `buffering` */
  constructor(
    timers: PlaybackTimers,
    current: () => PlaybackState,
    onState: ((state: PlaybackState) => void) | undefined,
  ) {
    this.#timers = timers;
    this.#current = current;
    this.#onState = onState;
  }

  /** Reports a change, which ends a wait. */
  changed(): void {
    this.#endWait();
    this.#isBuffering = false;
    this.#report();
  }

  /** Call when the playback waits. @param onBuffering called if it waits for long */
  waiting(onBuffering: () => void): void {
    if (this.#isBuffering || this.#wait !== undefined) return;
    this.#wait = this.#timers.after(BUFFERING_MS, () => {
      this.#wait = undefined;
      this.#isBuffering = true;
      onBuffering();
      this.#report();
    });
  }

  /** Call when the playback continues. */
  continued(): void {
    this.#endWait();
    if (!this.#isBuffering) return;
    this.#isBuffering = false;
    this.#report();
  }

  close(): void {
    this.#endWait();
    this.#nextReport?.cancel();
    this.#nextReport = undefined;
  }

  #endWait(): void {
    this.#wait?.cancel();
    this.#wait = undefined;
  }

  #report(): void {
    this.#nextReport?.cancel();
    this.#nextReport = undefined;
    if (this.#onState === undefined) return;
    const state = this.#current();
    this.#onState(this.#isBuffering ? { ...state, status: "buffering" } : state);
    if (state.status === "playing" && !this.#isBuffering)
      this.#nextReport = this.#timers.after(REPORT_MS, () => this.#report());
  }
}
