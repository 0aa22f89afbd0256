/**
 * How busy each process was while something was measured. It shows that the measured side was the bottleneck and the
 * load was not.
 */
import { cpuSeconds } from "./process.ts";

/** Processes by the name they are reported under. */
export type Pids = Readonly<Record<string, number>>;

/** Share of one core by process, that of the load under `load`. */
export type Busy = Readonly<Record<string, number>>;

/** Starts to watch; the answered function ends it and tells the shares since. */
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

/** As a person reads it: `gateway 99 %, load 27 %`. */
export function formatBusy(busy: Busy): string {
  return Object.entries(busy)
    .map(([name, share]) => `${name} ${Math.round(share * 100)} %`)
    .join(", ");
}
