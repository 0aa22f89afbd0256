/**
 * One pusher, many readers, as fast as it goes. The pusher keeps `window` entries on the way: it is at most so far
 * ahead of the slowest reader. So the server always has work, and neither a queue in it nor trimming in Redis can make
 * its number better than what clients received.
 */
import { type Busy, type Pids, watchBusy } from "./busy.ts";
import { nap, turn } from "./nap.ts";
import { openMany, type Target } from "./websocket.ts";
import { openPusher } from "./websocket-pusher.ts";
import { openReader, type WebSocketReader } from "./websocket-reader.ts";

/** What is sent to whom. */
export interface FanOutLoad {
  readonly push: Target;
  readonly pull: Target;
  readonly readers: number;
  readonly entryBytes: number;
  /** Most entries that are pushed and not yet at the slowest reader. */
  readonly window: number;
  /** How long the load sleeps between two looks at its sockets; short enough that the window never runs dry. */
  readonly napMs: number;
  /** How long is measured, after a start that is not. */
  readonly measureMs: number;
  /** The measured processes, to say how busy they were. */
  readonly pids: Pids;
}

/** What came of it. */
export interface FanOutResult {
  /** Entries that arrived at readers, summed over the readers. */
  readonly deliveriesPerSecond: number;
  readonly busy: Busy;
}

const START_MS = 500;
const DRAIN_MS = 30_000;
/** Between the last handshake and the first entry, so that every reader's `$` is resolved. */
const SETTLE_MS = 200;

/**
 * Runs the load once on fresh connections, waits until every entry has arrived everywhere, and closes them.
 *
 * @throws Error when a connection fails, an entry is out of its place or missing at the end
 */
export async function fanOut(load: FanOutLoad): Promise<FanOutResult> {
  const readers = await openMany(load.readers, () => openReader(load.pull));
  const pusher = await openPusher(load.push, load.entryBytes);
  try {
    const step = async (pushing: boolean) => {
      await turn();
      pusher.check();
      const room = load.window - (pusher.pushed - slowest(readers));
      if (pushing && room > 0) pusher.push(room);
      nap(load.napMs);
    };
    const until = async (end: number) => {
      while (performance.now() < end) await step(true);
      return { time: performance.now(), entries: delivered(readers) };
    };
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const from = await until(performance.now() + START_MS);
    const busy = watchBusy(load.pids);
    const to = await until(performance.now() + load.measureMs);
    const shares = busy();

    const limit = performance.now() + DRAIN_MS;
    while (slowest(readers) < pusher.pushed) {
      await step(false);
      if (performance.now() > limit)
        throw new Error(`the slowest reader got ${slowest(readers)} of ${pusher.pushed} entries`);
    }
    return {
      deliveriesPerSecond: ((to.entries - from.entries) / (to.time - from.time)) * 1000,
      busy: shares,
    };
  } finally {
    pusher.close();
    for (const reader of readers) reader.close();
  }
}

function slowest(readers: readonly WebSocketReader[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const reader of readers) {
    reader.check();
    least = Math.min(least, reader.entries);
  }
  return least;
}

function delivered(readers: readonly WebSocketReader[]): number {
  return readers.reduce((sum, reader) => sum + reader.entries, 0);
}
