/** Steps of a stopped playback: each sends one entry of each stream, ahead or back. They are taken one after another. */

import type { ReadAhead } from "./ahead/read-ahead.ts";
import type { EntryLookups, IdRange } from "./entry-lookups.ts";
import type { Runs } from "./frame-sender.ts";
import type { Schedule } from "./schedule.ts";
import type { PlaybackTimers } from "./timers.ts";

/** Parts of a playback that its steps use. */
export interface StepParts {
  /** Steps stay within this range. */
  readonly range: IdRange;
  readonly timers: PlaybackTimers;
  readonly schedule: Schedule;
  readonly lookups: EntryLookups;
  readonly ahead: ReadAhead;
  /** Called when the next step may be taken. */
  readonly onDue: () => void;
  /** Sends entries. @param sent called when they are sent */
  readonly send: (runs: Runs, sent: () => void) => void;
  /** Called after each step. */
  readonly onTaken: () => void;
}

/** Time (ms) from one step to the next: faster ones would only be work for the gateway. */
const STEP_MS = 10;
/** Maximum number of steps that wait for those before. */
const MAX_STEPS = 100;

/** Requested steps. */
export class Steps {
  readonly #parts: StepParts;
  /** Steps that are not done, in numbers of entries. */
  #requested: number[] = [];
  /** Time at which the next step may be taken. */
  #nextAt = 0;

  constructor(parts: StepParts) {
    this.#parts = parts;
  }

  /** Requests a step. Does nothing if too many wait. */
  request(steps: number): void {
    if (this.#requested.length < MAX_STEPS) this.#requested.push(steps);
  }

  /** Drops the steps that are not done. */
  clear(): void {
    this.#requested = [];
  }

  /** Takes the next step, if one is requested. It is done, and the one after it may be taken, when its entries are sent. */
  take(): void {
    const [steps] = this.#requested;
    if (steps === undefined) return;
    const { timers, schedule, lookups, ahead, range, send, onDue, onTaken } = this.#parts;
    const now = timers.now();
    if (now < this.#nextAt) {
      schedule.after(this.#nextAt - now, onDue);
      return;
    }
    this.#nextAt = now + STEP_MS;
    ahead.reset();
    lookups.inSteps(steps, range, (runs) =>
      send(runs, () => {
        this.#requested.shift();
        const first = runs[0]?.entries[0];
        if (first !== undefined) schedule.reach(first.id);
        onTaken();
      }),
    );
  }
}
