/** Clocks and timers of playback. A test passes its own. */

/** A timer that was started. */
export interface PlaybackTimer {
  cancel(): void;
}

/** A time source with timers. */
export interface PlaybackTimers {
  /** Returns a monotonic time in ms. */
  now(): number;
  /** Returns the time of day, in ms since 1970. */
  timeOfDay(): number;
  /** Calls back once. */
  after(ms: number, callback: () => void): PlaybackTimer;
}

/** Passes exceptions of callbacks on: a timer of the event loop has no caller, and those of playbacks share ticks. */
export const guardedTimers = (timers: PlaybackTimers, onError: (error: unknown) => void): PlaybackTimers => ({
  now: () => timers.now(),
  timeOfDay: () => timers.timeOfDay(),
  after: (ms, callback) =>
    timers.after(ms, () => {
      try {
        callback();
      } catch (error) {
        onError(error);
      }
    }),
});

/** Maximum delay of a timer: longer ones fire at once. */
const MAX_MS = 2 ** 31 - 1;

/** The timers of the event loop. */
export const eventLoopTimers: PlaybackTimers = {
  now: () => performance.now(),
  timeOfDay: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};
