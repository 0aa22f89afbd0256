/** Hook that throttles a signal. Text that changes with each entry would cost a layout each time. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Follows a signal: the first change at once, later ones at most every `ms`, and always the last one. */
export function useThrottled<T>(source: ReadonlySignal<T>, ms: number): ReadonlySignal<T> {
  const slow = useSignal(source.peek());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let updatedMs = 0;
    const update = () => {
      timer = undefined;
      updatedMs = performance.now();
      slow.value = source.peek();
    };
    const stop = source.subscribe(() => {
      const waitMs = updatedMs + ms - performance.now();
      if (waitMs <= 0 && timer === undefined) update();
      else timer ??= setTimeout(update, waitMs);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [source, ms]);
  return slow;
}
