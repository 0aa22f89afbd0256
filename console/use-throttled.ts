/** A signal that changes as often as people read: words that change with each entry cost the page a layout each. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** Follows a signal: the first change at once, those after it at most every so many ms, and always the last. */
export function useThrottled<T>(source: ReadonlySignal<T>, ms: number): ReadonlySignal<T> {
  const slow = useSignal(source.peek());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let toldMs = 0;
    const tell = () => {
      timer = undefined;
      toldMs = performance.now();
      slow.value = source.peek();
    };
    const stop = source.subscribe(() => {
      const waitMs = toldMs + ms - performance.now();
      if (waitMs <= 0 && timer === undefined) tell();
      else timer ??= setTimeout(tell, waitMs);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [source, ms]);
  return slow;
}
