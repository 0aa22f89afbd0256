/** Entries of the past at the pace at which they were added, times a speed that may change on the way. */
import type { PulledEntry } from "../client/browser.ts";
import { sleep } from "../src/domain/sleep.ts";

/** The speeds that can be chosen. */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8] as const;

/** A pause in the stream is not waited for longer than this, ms: who watches wants to see what comes behind it. */
const MOST_PAUSE_MS = 2000;
/** What reading is behind by more than this, ms, is not made up for: it would go by too fast to be seen. */
const MOST_LATE_MS = 1000;
/** A timer is no more exact than this, ms. */
const LEAST_WAIT_MS = 4;

/**
 * Yields each entry when it is due.
 *
 * @param fromMs the moment from which it goes on, ms since 1970
 * @param speed asked at each entry
 * @throws the signal's reason where it was aborted
 */
export async function* paced(
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
    if (waitMs > MOST_PAUSE_MS || waitMs < -MOST_LATE_MS) {
      waitMs = Math.max(0, Math.min(waitMs, MOST_PAUSE_MS));
      base = { wallMs: now + waitMs, entryMs: entry.timeMs, speed: base.speed };
    }
    if (waitMs >= LEAST_WAIT_MS) await sleep(waitMs, aborted);
    before = entry.timeMs;
    yield entry;
  }
}
