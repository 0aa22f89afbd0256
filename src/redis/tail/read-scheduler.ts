/**
 * Read scheduler of a tail. It reads changed streams in the same event-loop turn, for low latency. If many streams change
 * all the time, it pauses briefly, so that a busy server receives fewer, larger reads.
 */

/** Reads closer together than this (ms) are delayed. */
const BUSY_INTERVAL_MS = 1;
const BUSY_PAUSE_MS = 2;
/** Number of changed streams from which a read is delayed; below it, latency has priority. */
const BUSY_STREAMS = 16;

/** Schedules reads. */
export interface ReadScheduler {
  /** Schedules a read unless one is scheduled. @param changed number of streams to be read; 0 does nothing */
  schedule(changed: number): void;
  /** Call when a read is sent. */
  noteRead(): void;
}

/** Creates the scheduler of one tail. @param read reads the streams that have changed by then */
export function createReadScheduler(read: () => void): ReadScheduler {
  let isScheduled = false;
  let lastRead = 0;

  function readNow(): void {
    isScheduled = false;
    read();
  }

  return {
    schedule(changed) {
      if (isScheduled || changed === 0) return;
      isScheduled = true;
      const isCrowded =
        changed >= BUSY_STREAMS && performance.now() - lastRead < BUSY_INTERVAL_MS + BUSY_PAUSE_MS;
      if (isCrowded) setTimeout(readNow, BUSY_PAUSE_MS);
      else setImmediate(readNow);
    },
    noteRead() {
      lastRead = performance.now();
    },
  };
}
