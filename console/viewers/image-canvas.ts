/** Canvas that displays the newest image of a stream. A worker decodes and draws. */
import type { PulledEntry } from "../../client/browser.ts";
import { imageTypeOf } from "../../src/domain/content/detection.ts";
import { countText, spanText } from "../page/format.ts";
import type { FromPictureWorker, ToPictureWorker } from "./picture-worker.ts";
import { createSkipCounter, type StreamCounters } from "./skip-counter.ts";

interface Drawn {
  readonly atMs: number;
  readonly latencyMs: number;
}

/** Draws images, one at a time. Images that arrive while one is drawn are skipped, except the newest. */
export class ImageCanvas {
  readonly #worker = new Worker(new URL("./picture-worker.ts", import.meta.url), { type: "module" });
  readonly #canvas = document.createElement("canvas");
  readonly #observer: ResizeObserver;
  readonly #onFirstImage: () => void;
  #maxWidth: number;
  #newest: PulledEntry | undefined;
  /** The entry that the worker draws. */
  #drawing: PulledEntry | undefined;
  /** The last entry that was sent to the worker, or rejected. */
  #last: PulledEntry | undefined;
  #size = "";
  #problem = "";
  #drawn: readonly Drawn[] = [];
  #skips = createSkipCounter();
  #isCounting = false;

  constructor(element: HTMLElement, name: string, onFirstImage: () => void) {
    this.#onFirstImage = onFirstImage;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", `The newest image of ${name}`);
    element.replaceChildren(this.#canvas);
    this.#maxWidth = element.clientWidth;
    this.#observer = new ResizeObserver(([entry]) => {
      this.#maxWidth = entry?.contentRect.width ?? this.#maxWidth;
    });
    this.#observer.observe(element);
    this.#worker.onmessage = ({ data }: MessageEvent<FromPictureWorker>) => this.#received(data);
    const canvas = this.#canvas.transferControlToOffscreen();
    this.#send({ canvas }, [canvas]);
  }

  /** Draws an entry as soon as the worker is ready. */
  show(newest: PulledEntry | undefined): void {
    this.#newest = newest;
    if (this.#drawing !== undefined || newest === undefined || newest === this.#last) return;
    this.#last = newest;
    const type = imageTypeOf(newest.data);
    if (type === undefined) {
      this.#problem = `entry ${newest.id} is not an image`;
      return;
    }
    this.#drawing = newest;
    const data = newest.bytes().buffer as ArrayBuffer;
    this.#send({ data, type, maxWidth: this.#maxWidth * devicePixelRatio }, [data]);
  }

  /** Records the counters of the stream while it is followed live; undefined restarts the count of skipped entries. */
  count(counters: StreamCounters | undefined): void {
    this.#isCounting = counters !== undefined;
    if (counters === undefined) this.#skips = createSkipCounter();
    else this.#skips.listed(counters);
  }

  /** Describes size, frame rate, latency and skipped entries. */
  describe(): string {
    const now = performance.now();
    this.#drawn = this.#drawn.filter(({ atMs }) => atMs > now - 1000);
    const latencies = this.#drawn.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const median = latencies[latencies.length >> 1];
    const skipped = this.#isCounting ? this.#skips.skipped : undefined;
    return [
      this.#problem || this.#size,
      `${this.#drawn.length} fps`,
      ...(median === undefined ? [] : [`latency ${latencyText(median)}`]),
      ...(skipped === undefined ? [] : [`${countText(skipped)} skipped`]),
    ].join(", ");
  }

  stop(): void {
    this.#observer.disconnect();
    this.#worker.terminate();
  }

  #received(reply: FromPictureWorker): void {
    const entry = this.#drawing;
    this.#drawing = undefined;
    if (entry !== undefined && reply !== undefined) {
      const isFirst = this.#size === "";
      const size = `${reply.width} × ${reply.height}`;
      if (size !== this.#size) this.#canvas.style.width = `${reply.width}px`;
      this.#size = size;
      this.#problem = "";
      this.#drawn = [...this.#drawn, { atMs: performance.now(), latencyMs: Date.now() - entry.timeMs }];
      this.#skips.shown(entry.id);
      if (isFirst) requestAnimationFrame(this.#onFirstImage);
    } else if (entry !== undefined) this.#problem = `entry ${entry.id} cannot be decoded`;
    this.show(this.#newest);
  }

  #send(message: ToPictureWorker, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }
}

/** Formats a latency. Clocks differ, so a negative latency is displayed as 0. */
const latencyText = (ms: number): string => (ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : spanText(ms));
