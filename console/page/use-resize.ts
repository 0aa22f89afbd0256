/** Hook that follows the size of an element. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Calls a function when the element changes its size, and once at first. @param resized the function of the first render */
export function useResize<T extends HTMLElement>(
  box: RefObject<T | null>,
  resized: (element: T) => unknown,
): void {
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => resized(element));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
}
