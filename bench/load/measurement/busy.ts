/**
 * Processor share of each process during a measurement. It shows whether the measured side was the bottleneck, and not
 * the load generator.
 */
import { cpuSeconds } from "../processes/process.ts";

/** Process ids by the name in the report. */
export type Pids = Readonly<Record<string, number>>;

/** Share of one core by process; `load` is this process. */
export type Busy = Readonly<Record<string, number>>;

/** Starts measuring. @returns a function that stops and returns the shares since the start */
export function watchBusy(pids: Pids): () => Busy {
  const look = () => {
    const { user, system } = process.cpuUsage();
    const used = Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)] as const);
    return { time: performance.now(), used: [...used, ["load", (user + system) / 1e6] as const] };
  };
  const from = look();
  return () => {
    const to = look();
    const seconds = (to.time - from.time) / 1000;
    return Object.fromEntries(
      to.used.map(([name, used], i) => [name, (used - (from.used[i]?.[1] ?? 0)) / seconds]),
    );
  };
}

/** Formats the shares as `gateway 99 %, load 27 %`. */
export function formatBusy(busy: Busy): string {
  return Object.entries(busy)
    .map(([name, share]) => `${name} ${Math.round(share * 100)} %`)
    .join(", ");
}
