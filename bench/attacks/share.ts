/**
 * The share of the machine that the gateway gets. A healthy client on a busy machine waits although nothing is wrong with
 * the gateway; such waits are measured by a control and allowed for: an echo process that does nothing else, and the time
 * that the gateway and Redis were ready to run and did not get a processor (`/proc/PID/schedstat`).
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setPriority } from "node:os";

/** A period of the checker's clock (`performance.now()`, ms). */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** The control. */
export interface Share extends Disposable {
  /** How long (ms) a wait in that period may be without any fault of the gateway. */
  allowance(period: Period): number;
}

const PING_MS = 20;

/** As `nice -n -10`, which needs root. */
const FAVOURED = -10;

/**
 * Gives processes precedence over what else the machine runs, where this user may: the fewer waits are the machine's, the
 * less has to be allowed for.
 */
export function favour(...pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      setPriority(pid, FAVOURED);
    } catch {
      // Without the right, the allowance is larger and the check less strict.
    }
  }
}

/** Ms that a process was ready to run and waited for a processor, since it started (proc(5)). */
function queuedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** Starts measuring. @param echoPort port of the echo process @param pids processes that a healthy client waits for */
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
  // From when it was due: a timer that fires late shows that this process waited.
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
