/**
 * When a tail reads what has changed: in this turn of the event loop, for the sake of latency; but where many streams change
 * all the time after a short pause, so that a busy server is asked for more at once.
 */

/** Reads closer together than this (ms) are put off a little. */
const BUSY_INTERVAL_MS = 1;
const BUSY_PAUSE_MS = 2;
/** From this many changed streams in one read on, the next read waits for the pause: below, latency goes first. */
const BUSY_STREAMS = 16;

/** Calls for reads. */
export interface ReadPace {
  /** Has it read, unless that is on its way. @param changed how many streams are to be read; 0 is none */
  schedule(changed: number): void;
  /** A read goes out. */
  noteRead(): void;
}

/** Makes the pace of one tail. @param read reads what has changed by then */
export function createReadPace(read: () => void): ReadPace {
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
