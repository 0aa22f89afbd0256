/**
 * Share of a healthy client: the time that its request would take on this machine at this moment if the gateway had nothing
 * else to do. The verdict subtracts it from each wait, so that the rest is caused by the gateway alone. It is the sum of
 *
 * - the response time of the same kind of request, over a new connection, to an idle HTTP server with the priority of the
 *   gateway, measured all the time, and
 * - the time for which the main threads of the gateway and Redis were runnable without a processor
 *   (`/proc/PID/schedstat`).
 *
 * Time in which a processor worked for hostile clients inside the gateway or Redis is not part of the share: the gateway must
 * distribute it fairly, within the bound of the verdict.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** A period of the checker's clock (`performance.now()`, ms). */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** Control measurement. */
export interface Share extends Disposable {
  /** Returns the longest wait (ms) in that period that the machine alone explains. */
  allowance(period: Period): number;
  /** Returns what the threads of the processes did in that period, in the order of `pids`. */
  activity(period: Period): readonly Activity[];
}

/** Times (ms) for which the threads of a process ran or were queued in a period. A main thread with neither waited for something. */
export interface Activity {
  readonly mainRanMs: number;
  readonly mainQueuedMs: number;
  /** Sums over all other threads, such as those of the garbage collection. */
  readonly othersRanMs: number;
  readonly othersQueuedMs: number;
}

/** Pause (ms) between two requests to the idle server. */
const PAUSE_MS = 30;
const SAMPLE_MS = 20;

/** Highest priority, as `nice -n -20`, which requires root. */
const FAVOURED = -20;

/**
 * Raises the priority of processes if the user has permission. A smaller share of the waits is then caused by the machine,
 * and the verdict is stricter. On Linux a priority belongs to a thread: without its helper threads, a favoured main thread
 * would wait in each garbage collection for threads that other processes keep from a processor.
 */
export function favour(...pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), FAVOURED);
      favourSession(pid);
    } catch {
      // Without permission, the allowance is larger and the check less strict.
    }
  }
}

/**
 * Raises the priority of the session of a process: Linux divides the processors between sessions first (sched(7)), and a
 * thread's priority only counts among those of its session. cspell:ignore autogroup
 */
function favourSession(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(FAVOURED));
  } catch {
    // A kernel without this feature compares the priorities of all threads.
  }
}

const NO_ACTIVITY: Activity = { mainRanMs: 0, mainQueuedMs: 0, othersRanMs: 0, othersQueuedMs: 0 };

/** Returns the activity of a process since it started (proc(5)). A thread that has ended counts no longer. */
function activityOf(pid: number): Activity {
  const sum = { ...NO_ACTIVITY };
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ran = 0, queued = 0] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1")
        .split(" ")
        .map((ns) => Number(ns) / 1e6);
      const isMain = Number(thread) === pid;
      sum[isMain ? "mainRanMs" : "othersRanMs"] += ran;
      sum[isMain ? "mainQueuedMs" : "othersQueuedMs"] += queued;
    }
  } catch {
    // The process or a thread of it has ended.
  }
  return sum;
}

const difference = (a: Activity, b: Activity): Activity => ({
  mainRanMs: a.mainRanMs - b.mainRanMs,
  mainQueuedMs: a.mainQueuedMs - b.mainQueuedMs,
  othersRanMs: a.othersRanMs - b.othersRanMs,
  othersQueuedMs: a.othersQueuedMs - b.othersQueuedMs,
});

/** Resolves when the idle server has answered a request over a new connection. */
const request = (port: number): Promise<void> =>
  new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/", agent: false }, (answer) => {
      answer.resume().on("close", resolve);
    }).on("error", () => resolve());
  });

/** Starts measuring. @param idlePort port of the idle server @param pids processes that healthy clients depend on */
export function measureShare(idlePort: number, pids: readonly number[]): Share {
  const answers: Period[] = [];
  const samples: { readonly at: number; readonly activities: readonly Activity[] }[] = [];
  let isStopped = false;

  async function measure(): Promise<void> {
    while (!isStopped) {
      const from = performance.now();
      await request(idlePort);
      answers.push({ from, to: performance.now() });
      await sleep(PAUSE_MS);
    }
  }
  void measure();
  const timer = setInterval(() => {
    samples.push({ at: performance.now(), activities: pids.map(activityOf) });
  }, SAMPLE_MS);

  function activity({ from, to }: Period): readonly Activity[] {
    const before = samples.findLast((sample) => sample.at <= from) ?? samples[0];
    const after = samples.find((sample) => sample.at >= to) ?? samples.at(-1);
    return pids.map((_pid, i) =>
      difference(after?.activities[i] ?? NO_ACTIVITY, before?.activities[i] ?? NO_ACTIVITY),
    );
  }

  return {
    activity,
    allowance({ from, to }) {
      const times = answers
        .filter((answer) => answer.to >= from && answer.from <= to)
        .map((answer) => answer.to - answer.from);
      const queued = activity({ from, to }).reduce((sum, { mainQueuedMs }) => sum + mainQueuedMs, 0);
      return Math.max(0, ...times) + queued;
    },
    [Symbol.dispose]() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
