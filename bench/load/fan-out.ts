/**
 * One pusher and many readers at full speed. The pusher is at most `window` entries ahead of the slowest reader, so the
 * server always has work. The result counts received entries, so queues in the server and trimming in Redis cannot
 * improve it.
 */
import type { Side } from "../side.ts";
import { blockingSleep, eventLoopTurn } from "./blocking-sleep.ts";
import { openMany } from "./clients/websocket.ts";
import type { WebSocketReader } from "./clients/websocket-reader.ts";
import { type Busy, watchBusy } from "./measurement/busy.ts";

/** Options of the load. */
export interface FanOutLoad {
  readonly side: Side;
  readonly stream: string;
  readonly readers: number;
  readonly entryBytes: number;
  /** Maximum number of entries that are pushed and have not reached the slowest reader. */
  readonly window: number;
  /** Time that the load sleeps between two polls of its sockets; short enough that the window is never exhausted. */
  readonly sleepMs: number;
  /** Measured time, after a warm-up that is not measured. */
  readonly measureMs: number;
}

/** Result of the load. */
export interface FanOutResult {
  /** Total number of entries that readers received. */
  readonly deliveriesPerSecond: number;
  readonly busy: Busy;
}

const START_MS = 500;
const DRAIN_MS = 30_000;
/** Delay between the last handshake and the first entry, in which every reader's `$` is resolved. */
const SETTLE_MS = 200;

/**
 * Runs the load once on new connections, waits until every reader has received every entry, and closes them.
 *
 * @throws Error if a connection fails, or an entry is out of order or missing
 */
export async function fanOut(load: FanOutLoad): Promise<FanOutResult> {
  const readers = await openMany(load.readers, () => load.side.openReader(load.stream));
  const pusher = await load.side.openPusher(load.stream, load.entryBytes);
  try {
    const step = async (pushing: boolean) => {
      await eventLoopTurn();
      pusher.check();
      const room = load.window - (pusher.pushed - slowest(readers));
      if (pushing && room > 0) pusher.push(room);
      blockingSleep(load.sleepMs);
    };
    const until = async (end: number) => {
      while (performance.now() < end) await step(true);
      return { time: performance.now(), entries: delivered(readers) };
    };
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const from = await until(performance.now() + START_MS);
    const busy = watchBusy(load.side.pids);
    const to = await until(performance.now() + load.measureMs);
    const shares = busy();

    const limit = performance.now() + DRAIN_MS;
    while (slowest(readers) < pusher.pushed) {
      await step(false);
      if (performance.now() > limit)
        throw new Error(`the slowest reader received ${slowest(readers)} of ${pusher.pushed} entries`);
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
  let min = Number.POSITIVE_INFINITY;
  for (const reader of readers) {
    reader.check();
    min = Math.min(min, reader.entries);
  }
  return min;
}

function delivered(readers: readonly WebSocketReader[]): number {
  return readers.reduce((sum, reader) => sum + reader.entries, 0);
}
