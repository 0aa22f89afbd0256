/** Image viewer: the newest image of a stream, with frame rate, latency and number of skipped entries. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../client/browser.ts";
import { ImageCanvas } from "./image-canvas.ts";
import type { StreamCounters } from "./skip-counter.ts";

interface ImageViewerProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly name: string;
  /** Counters of the stream while it is followed live; undefined otherwise. */
  readonly counted: ReadonlySignal<StreamCounters | undefined>;
}

/** Interval at which the text below the image is updated, ms. */
const UPDATE_MS = 500;

/** Renders the image and a line of text. */
export function ImageViewer({ entries, name, counted }: ImageViewerProps) {
  const box = useRef<HTMLDivElement>(null);
  const facts = useSignal("");
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const update = () => {
      facts.value = canvas.describe();
    };
    const canvas = new ImageCanvas(element, name, update);
    const timer = setInterval(update, UPDATE_MS);
    const stopCounting = counted.subscribe((counters) => canvas.count(counters));
    const stop = entries.subscribe((all) => canvas.show(all.at(-1)));
    return () => {
      stop();
      stopCounting();
      clearInterval(timer);
      canvas.stop();
    };
  }, [entries, name, counted]);
  return (
    <>
      <div ref={box} class="picture" />
      <p class="facts">{facts}</p>
    </>
  );
}
