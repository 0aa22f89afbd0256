/** Peak resident memory of a process since it was last reset (proc(5): `VmHWM`, `clear_refs`). */
import { readFileSync, writeFileSync } from "node:fs";

/** Value that resets the peak to the current resident memory when it is written to `clear_refs`. */
const RESET_PEAK = "5";

/** Resets the peak. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
}

/** Returns the peak in bytes. */
export function peakBytes(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no peak memory to read`);
  return Number(kilobytes) * 1024;
}
