/** Playback timing: yields stored entries at the rate at which they were added, times a speed that may change. */
import type { PulledEntry } from "../../client/browser.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";

/** Selectable speeds. */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8] as const;

/** Pauses in the stream are shortened to this, ms. */
const MAX_PAUSE_MS = 2000;
/** A delay of more than this is not made up for, because the entries would pass too fast to be seen, ms. */
const MAX_LATE_MS = 1000;
/** Resolution of timers, ms. */
const MIN_DELAY_MS = 4;

/**
 * Yields each entry when it is due.
 *
 * @param fromMs start time, Unix ms
 * @param speed called for each entry
 * @throws the signal's reason if it was aborted
 */
export async function* playbackTiming(
  entries: AsyncIterable<PulledEntry>,
  fromMs: number,
  speed: () => number,
  aborted: AbortSignal,
): AsyncGenerator<PulledEntry, void, undefined> {
  let base = { wallMs: performance.now(), entryMs: fromMs, speed: speed() };
  let before = fromMs;
  for await (const entry of entries) {
    const now = performance.now();
    if (base.speed !== speed()) base = { wallMs: now, entryMs: before, speed: speed() };
    let waitMs = base.wallMs + (entry.timeMs - base.entryMs) / base.speed - now;
    if (waitMs > MAX_PAUSE_MS || waitMs < -MAX_LATE_MS) {
      waitMs = Math.max(0, Math.min(waitMs, MAX_PAUSE_MS));
      base = { wallMs: now + waitMs, entryMs: entry.timeMs, speed: base.speed };
    }
    if (waitMs >= MIN_DELAY_MS) await sleep(waitMs, aborted);
    before = entry.timeMs;
    yield entry;
  }
}
