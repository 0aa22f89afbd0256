/** Hook that accepts a stream that is dragged from the list. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { droppedStream, isStreamDragged } from "./dragged-stream.ts";

/** Calls a function with the key of each stream that is dropped on an element. @returns whether one is dragged over it */
export function useStreamDrop(
  box: RefObject<HTMLElement | null>,
  dropped: (key: string) => void,
): ReadonlySignal<boolean> {
  const isTarget = useSignal(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const listening = new AbortController();
    const options = { signal: listening.signal };
    const over = (event: DragEvent) => {
      if (!isStreamDragged(event)) return;
      event.preventDefault();
      isTarget.value = true;
    };
    const leave = () => {
      isTarget.value = false;
    };
    const drop = (event: DragEvent) => {
      leave();
      const key = droppedStream(event);
      if (key === undefined) return;
      event.preventDefault();
      dropped(key);
    };
    element.addEventListener("dragover", over, options);
    element.addEventListener("dragleave", leave, options);
    element.addEventListener("drop", drop, options);
    return () => listening.abort();
  }, [dropped]);
  return isTarget;
}
