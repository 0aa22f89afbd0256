/** A stream of pictures: the newest, drawn by a worker, with how fast, how late and how many never were. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../client/browser.ts";
import { imageTypeOf } from "../../src/domain/content.ts";
import { countText, spanText } from "../format.ts";
import { type Counted, createSkipCounter } from "../skip-counter.ts";
import type { FromPictureWorker, ToPictureWorker } from "./picture-worker.ts";

interface ImageViewerProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly name: string;
  /** What the list says of the stream while it is followed live; undefined at other times. */
  readonly counted: ReadonlySignal<Counted | undefined>;
}

/** How often the words below the picture change, ms: as often as they can be read. */
const TELL_MS = 500;

interface Drawn {
  readonly atMs: number;
  readonly lateMs: number;
}

/** The picture. While one is drawn those that come are skipped but for the newest. */
export function ImageViewer({ entries, name, counted }: ImageViewerProps) {
  const box = useRef<HTMLDivElement>(null);
  const facts = useSignal("");
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `The newest picture of ${name}`);
    element.replaceChildren(canvas);
    const worker = new Worker(new URL("./picture-worker.ts", import.meta.url), { type: "module" });
    const send = (message: ToPictureWorker, transfer: Transferable[]) =>
      worker.postMessage(message, transfer);
    const offscreen = canvas.transferControlToOffscreen();
    send({ canvas: offscreen }, [offscreen]);

    let mostWidth = element.clientWidth;
    const observer = new ResizeObserver(([seen]) => {
      mostWidth = seen?.contentRect.width ?? mostWidth;
    });
    observer.observe(element);

    let drawing: PulledEntry | undefined;
    let last: PulledEntry | undefined;
    let size = "";
    let trouble = "";
    let drawn: Drawn[] = [];
    let skips = createSkipCounter();

    function drawNewest(): void {
      const newest = entries.value.at(-1);
      if (drawing !== undefined || newest === undefined || newest === last) return;
      last = newest;
      const type = imageTypeOf(newest.data);
      if (type === undefined) {
        trouble = `entry ${newest.id} is no picture`;
        return;
      }
      drawing = newest;
      const data = newest.bytes().buffer as ArrayBuffer;
      send({ data, type, mostWidth: mostWidth * devicePixelRatio }, [data]);
    }

    worker.onmessage = ({ data: answer }: MessageEvent<FromPictureWorker>) => {
      const entry = drawing;
      drawing = undefined;
      if (entry !== undefined && answer !== undefined) {
        const told = `${answer.width} × ${answer.height}`;
        if (told !== size) canvas.style.width = `${answer.width}px`;
        if (size === "") requestAnimationFrame(tell);
        size = told;
        trouble = "";
        drawn.push({ atMs: performance.now(), lateMs: Date.now() - entry.timeMs });
        skips.shown(entry.id);
      } else if (entry !== undefined) trouble = `entry ${entry.id} cannot be decoded`;
      drawNewest();
    };

    function tell(): void {
      const now = performance.now();
      drawn = drawn.filter(({ atMs }) => atMs > now - 1000);
      const late = drawn.map(({ lateMs }) => lateMs).sort((a, b) => a - b)[drawn.length >> 1];
      const skipped = counted.peek() && skips.skipped;
      facts.value = [
        trouble || size,
        `${drawn.length} fps`,
        ...(late === undefined ? [] : [`latency ${latencyText(late)}`]),
        ...(skipped === undefined ? [] : [`${countText(skipped)} skipped`]),
      ].join(", ");
    }

    const telling = setInterval(tell, TELL_MS);
    const stopCounting = counted.subscribe((now) => {
      if (now === undefined) skips = createSkipCounter();
      else skips.listed(now);
    });
    const stop = entries.subscribe(drawNewest);
    return () => {
      stop();
      stopCounting();
      clearInterval(telling);
      observer.disconnect();
      worker.terminate();
    };
  }, [entries, name, counted]);
  return (
    <>
      <div ref={box} class="picture" />
      <p class="facts">{facts}</p>
    </>
  );
}

/** Clocks differ: what seems to come before it was sent has no latency that could be told. */
const latencyText = (ms: number): string => (ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : spanText(ms));
