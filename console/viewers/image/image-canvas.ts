/** Canvas that displays the newest image of a stream. A worker decodes and draws. */
import type { PulledEntry } from "../../../client/browser.ts";
import { imageTypeOf } from "../../../src/domain/content/detection.ts";
import { countText } from "../../page/format.ts";
import { DrawnPictures } from "../drawn-pictures.ts";
import { type ImageSize, imageSizeOf, MAX_PIXELS } from "./image-size.ts";
import type { FromPictureWorker, ToPictureWorker } from "./picture-worker.ts";
import { createSkipCounter, type StreamCounters } from "./skip-counter.ts";

/** Events of the canvas. */
export interface CanvasEvents {
  /** Called when the first image was drawn. */
  first(): void;
  /** Called for each image that was drawn. */
  drawn(entry: PulledEntry, size: ImageSize): void;
}

/** Draws images, one at a time. Images that arrive while one is drawn are skipped, except the newest. */
export class ImageCanvas {
  readonly #worker = new Worker(new URL("./picture-worker.ts", import.meta.url), { type: "module" });
  readonly #canvas = document.createElement("canvas");
  readonly #events: CanvasEvents;
  /** Width at which images are drawn, device pixels. */
  #maxWidth = 0;
  #newest: PulledEntry | undefined;
  /** The entry that the worker draws. */
  #drawing: PulledEntry | undefined;
  /** The last entry that was sent to the worker, or rejected. */
  #last: PulledEntry | undefined;
  #size: ImageSize | undefined;
  #problem = "";
  readonly #drawn = new DrawnPictures();
  #skips = createSkipCounter();
  #isCounting = false;

  constructor(element: HTMLElement, name: string, events: CanvasEvents) {
    this.#events = events;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", `The newest image of ${name}`);
    element.replaceChildren(this.#canvas);
    this.#worker.onmessage = ({ data }: MessageEvent<FromPictureWorker>) => this.#received(data);
    const canvas = this.#canvas.transferControlToOffscreen();
    this.#send({ canvas }, [canvas]);
  }

  /** Size of the last drawn image; undefined before the first one. */
  get size(): ImageSize | undefined {
    return this.#size;
  }

  /** Sets the displayed size. @param scale CSS pixels per pixel of the image */
  setScale(scale: number): void {
    if (this.#size === undefined) return;
    const { width, height } = this.#size;
    this.#canvas.style.width = `${width * scale}px`;
    this.#canvas.style.height = `${height * scale}px`;
    this.#maxWidth = width * scale * devicePixelRatio;
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
    const size = imageSizeOf(newest.data);
    if (size !== undefined && size.width * size.height > MAX_PIXELS) {
      this.#problem = `entry ${newest.id} has ${countText(size.width)} × ${countText(size.height)} pixels, which is too large`;
      return;
    }
    this.#drawing = newest;
    const data = newest.bytes().buffer as ArrayBuffer;
    this.#send({ data, type, maxWidth: this.#maxWidth || (size?.width ?? 4096) }, [data]);
  }

  /** Records the counters of the stream while it is followed live; undefined restarts the count of skipped entries. */
  count(counters: StreamCounters | undefined): void {
    this.#isCounting = counters !== undefined;
    if (counters === undefined) this.#skips = createSkipCounter();
    else this.#skips.listed(counters);
  }

  /** Describes size, frame rate, latency and skipped entries. @param isLive whether a latency is meaningful */
  describe(isLive: boolean): string {
    const skipped = this.#isCounting ? this.#skips.skipped : undefined;
    const size = this.#size && `${this.#size.width} × ${this.#size.height}`;
    return this.#drawn.describe(this.#problem || size || "", isLive, skipped);
  }

  stop(): void {
    this.#worker.terminate();
  }

  #received(reply: FromPictureWorker): void {
    const entry = this.#drawing;
    this.#drawing = undefined;
    if (entry !== undefined && reply !== undefined) {
      const isFirst = this.#size === undefined;
      this.#size = reply;
      this.#problem = "";
      this.#drawn.add(entry.timeMs);
      this.#skips.shown(entry.id);
      this.#events.drawn(entry, reply);
      if (isFirst) requestAnimationFrame(() => this.#events.first());
    } else if (entry !== undefined) this.#problem = `entry ${entry.id} cannot be decoded`;
    this.show(this.#newest);
  }

  #send(message: ToPictureWorker, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }
}
