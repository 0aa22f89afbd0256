/**
 * Virtual clock of a playback: `t = t0 + (now − w0) · rate`. Pure: the caller passes the time of its own clock, `now`, in ms.
 * The virtual time is in ms since 1970, like the time of an entry id.
 */

/** A clock that runs at a rate, or is held at a time. Rate 0 has no pace: everything is due at once. */
export class PlaybackClock {
  #rate: number;
  /** Virtual time at `#since`, or the time at which the clock is held. */
  #time: number;
  /** Time at which the clock was started; undefined while it is held. */
  #since: number | undefined;

  constructor(rate: number, time: number) {
    this.#rate = rate;
    this.#time = time;
  }

  get rate(): number {
    return this.#rate;
  }

  get isRunning(): boolean {
    return this.#since !== undefined;
  }

  /** Returns the virtual time. */
  timeAt(now: number): number {
    return this.#since === undefined ? this.#time : this.#time + (now - this.#since) * this.#rate;
  }

  /** Returns when a virtual time is reached, on the caller's clock, if the clock runs from now on. */
  dueAt(time: number, now: number): number {
    if (this.#rate === 0) return now;
    return (this.#since ?? now) + (time - this.#time) / this.#rate;
  }

  /** Starts the clock; does nothing if it runs. */
  run(now: number): void {
    this.#since ??= now;
  }

  /** Stops the clock. @param time where it stops, if it had to stop earlier than now */
  hold(now: number, time = this.timeAt(now)): void {
    this.#time = time;
    this.#since = undefined;
  }

  /** Changes the rate at the current time. */
  setRate(rate: number, now: number): void {
    this.#time = this.timeAt(now);
    if (this.#since !== undefined) this.#since = now;
    this.#rate = rate;
  }

  /** Moves the clock to a time. It keeps running, or stays held. */
  seek(time: number, now: number): void {
    this.#time = time;
    if (this.#since !== undefined) this.#since = now;
  }
}
