/** Hook that follows the clock of this computer. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Returns the time, Unix ms, updated every `periodMs`. */
export function useNow(periodMs: number): ReadonlySignal<number> {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
  return now;
}
