/** Scrolls an element into view, because its pane may be too low to show it. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Scrolls the element into view when the reason appears or changes, and not while it is empty. @returns the element's reference */
export function useScrolledIntoView<T extends HTMLElement>(reason: string | false): RefObject<T | null> {
  const element = useRef<T>(null);
  useEffect(() => {
    if (reason) element.current?.scrollIntoView({ block: "nearest" });
  }, [reason]);
  return element;
}
