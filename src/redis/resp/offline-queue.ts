/** Commands that wait for a Redis that is away, each for a bounded time. */
import type { CommandWriter } from "./writer.ts";

/** A command that could not be sent yet. */
interface Waiting<Done> {
  readonly encode: (out: CommandWriter) => void;
  readonly done: Done;
  /** In ms of `performance.now()`. */
  readonly giveUpAt: number;
}

/** Those of one connection, in order. */
export interface WaitingCommands<Done> {
  add(encode: (out: CommandWriter) => void, done: Done): void;
  /** Takes all of them out, to be sent or failed. */
  take(): readonly Pick<Waiting<Done>, "encode" | "done">[];
}

const SWEEP_MS = 100;

/** Keeps commands. @param waitMs how long each waits @param giveUp fails one that has waited for so long */
export function createWaitingCommands<Done>(
  waitMs: number,
  giveUp: (done: Done) => void,
): WaitingCommands<Done> {
  let waiting: Waiting<Done>[] = [];
  let sweep: NodeJS.Timeout | undefined;

  function sweepExpired(): void {
    const now = performance.now();
    const expired = waiting.filter((one) => one.giveUpAt <= now);
    if (expired.length > 0) {
      waiting = waiting.filter((one) => one.giveUpAt > now);
      for (const one of expired) giveUp(one.done);
    }
    if (waiting.length === 0) stopSweep();
  }

  function stopSweep(): void {
    clearInterval(sweep);
    sweep = undefined;
  }

  return {
    add(encode, done) {
      waiting.push({ encode, done, giveUpAt: performance.now() + waitMs });
      sweep ??= setInterval(sweepExpired, SWEEP_MS);
    },
    take() {
      const all = waiting;
      waiting = [];
      stopSweep();
      return all;
    },
  };
}
