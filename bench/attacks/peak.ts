/** Peak resident memory of a process since it was last reset (proc(5): `VmHWM`, `clear_refs`). */
import { readFileSync, writeFileSync } from "node:fs";

/** Written to `clear_refs`, it resets the peak to what is resident now. */
const RESET_PEAK = "5";

/** Begins anew. */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
}

/** The peak in bytes. */
export function peakBytes(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no peak memory to read`);
  return Number(kilobytes) * 1024;
}
