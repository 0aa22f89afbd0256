/** Priority of a thread that works in the background. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";

/** Of 0 to 19, the lowest. At 10, a thread still gets a tenth of a processor that others want entirely. */
const NICE = 10;

/** Lets the system prefer other threads to this one. Linux has a priority per thread; elsewhere it does nothing. */
export function lowerPriority(): void {
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), NICE);
  } catch {
    // Not Linux, or not permitted.
  }
}
