/**
 * Offline queue of a connection: commands that wait, for a bounded time, until Redis is available. Commands that are added
 * together expire together, so that no part of a transaction is sent without its beginning.
 */
import type { CommandWriter } from "./writer.ts";

/** Command that waits for a connection. */
interface QueuedCommand<Done> {
  readonly encode: (out: CommandWriter) => void;
  readonly done: Done;
  /** Time on the clock of `performance.now()`, ms. */
  readonly expiresAt: number;
}

/** Queued commands of one connection, in order. */
export interface OfflineQueue<Done> {
  add(encode: (out: CommandWriter) => void, done: Done): void;
  /** Removes all commands, to be sent or failed. */
  take(): readonly Pick<QueuedCommand<Done>, "encode" | "done">[];
}

const SWEEP_MS = 100;

/** Creates an empty queue. @param waitMs time that a command may wait @param onExpired called for each expired command */
export function createOfflineQueue<Done>(
  waitMs: number,
  onExpired: (done: Done) => void,
): OfflineQueue<Done> {
  let queue: QueuedCommand<Done>[] = [];
  let sweep: NodeJS.Timeout | undefined;
  /** Deadline of all commands that are added before the next microtask. */
  let deadline: number | undefined;

  function deadlineOfNow(): number {
    if (deadline === undefined) {
      deadline = performance.now() + waitMs;
      queueMicrotask(() => {
        deadline = undefined;
      });
    }
    return deadline;
  }

  function sweepExpired(): void {
    const now = performance.now();
    const expired = queue.filter((one) => one.expiresAt <= now);
    if (expired.length > 0) {
      queue = queue.filter((one) => one.expiresAt > now);
      for (const one of expired) onExpired(one.done);
    }
    if (queue.length === 0) stopSweep();
  }

  function stopSweep(): void {
    clearInterval(sweep);
    sweep = undefined;
  }

  return {
    add(encode, done) {
      queue.push({ encode, done, expiresAt: deadlineOfNow() });
      sweep ??= setInterval(sweepExpired, SWEEP_MS);
    },
    take() {
      const all = queue;
      queue = [];
      stopSweep();
      return all;
    },
  };
}
