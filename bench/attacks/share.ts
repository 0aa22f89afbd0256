/**
 * Scheduling delay of the machine. On a busy machine a healthy client waits even if the gateway is fast. A control measures
 * such waits, and the verdict subtracts them: the response time of an echo process, and the time for which the gateway and
 * Redis were runnable without a processor (`/proc/PID/schedstat`).
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setPriority } from "node:os";

/** A period of the checker's clock (`performance.now()`, ms). */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** Control measurement. */
export interface Share extends Disposable {
  /** Returns the longest wait (ms) in that period that the machine alone explains. */
  allowance(period: Period): number;
}

const PING_MS = 20;

/** Equivalent of `nice -n -10`, which requires root. */
const FAVOURED = -10;

/**
 * Raises the priority of processes if the user has permission. A smaller share of the waits is then caused by the machine,
 * and the verdict is stricter.
 */
export function favour(...pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      setPriority(pid, FAVOURED);
    } catch {
      // Without permission, the allowance is larger and the check less strict.
    }
  }
}

/** Returns the time (ms) that a process has been runnable without a processor since it started (proc(5)). */
function queuedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** Starts measuring. @param echoPort port of the echo process @param pids processes that healthy clients depend on */
export function measureShare(echoPort: number, pids: readonly number[]): Share {
  const pings: Period[] = [];
  const queues: { readonly at: number; readonly ms: number }[] = [];
  const socket = connect({ port: echoPort, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  const sent: number[] = [];
  socket.on("data", (chunk: Buffer) => {
    const to = performance.now();
    for (const from of sent.splice(0, chunk.length)) pings.push({ from, to });
  });
  // Measured from the scheduled time, because a late timer means that this process was delayed.
  let due = performance.now() + PING_MS;
  const timer = setInterval(() => {
    sent.push(due);
    due = performance.now() + PING_MS;
    socket.write(".");
    queues.push({ at: performance.now(), ms: pids.reduce((sum, pid) => sum + queuedMs(pid), 0) });
  }, PING_MS);

  const queuedAt = (at: number): number | undefined => queues.findLast((sample) => sample.at <= at)?.ms;
  return {
    allowance({ from, to }) {
      const waits = pings
        .filter((ping) => ping.to >= from && ping.from <= to)
        .map((ping) => ping.to - ping.from);
      const before = queuedAt(from) ?? queues[0]?.ms ?? 0;
      const after = queues.find((sample) => sample.at >= to)?.ms ?? queues.at(-1)?.ms ?? before;
      return Math.max(0, ...waits) + after - before;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      socket.destroy();
    },
  };
}
