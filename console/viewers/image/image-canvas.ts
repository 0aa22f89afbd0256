/** Canvas that displays the newest image of a stream. A worker decodes and draws. */
import type { PulledEntry } from "../../../client/browser.ts";
import { extensionOf, imageTypeOf } from "../../../src/domain/content/detection.ts";
import { countText } from "../../page/format.ts";
import { saveFile } from "../../page/save-file.ts";
import { DrawnPictures } from "../picture/drawn-pictures.ts";
import type { DrawnEvent, PictureScreen } from "../picture/picture-screen.ts";
import { MAX_PIXELS, type PictureSize } from "../picture/picture-size.ts";
import { imageSizeOf } from "./image-size.ts";
import type { FromPictureWorker, ToPictureWorker } from "./picture-worker.ts";
import { createSkipCounter, type StreamCounters } from "./skip-counter.ts";

/** Draws images, one at a time. Images that arrive while one is drawn are skipped, except the newest. */
export class ImageCanvas implements PictureScreen {
  readonly #worker = new Worker(new URL("./picture-worker.ts", import.meta.url), { type: "module" });
  readonly #drawnEvent: DrawnEvent;
  /** Width at which images are drawn, device pixels. */
  #maxWidth = 0;
  #newest: PulledEntry | undefined;
  /** The entry that the worker draws. */
  #drawing: PulledEntry | undefined;
  /** The last entry that was sent to the worker, or rejected. */
  #last: PulledEntry | undefined;
  #size: PictureSize | undefined;
  #shown: PulledEntry | undefined;
  #problem = "";
  readonly #drawn = new DrawnPictures();
  #skips = createSkipCounter();
  #isCounting = false;

  readonly canvas = document.createElement("canvas");

  /** @param broken called if the code of the worker cannot be loaded */
  constructor(drawn: DrawnEvent, broken: () => void) {
    this.#drawnEvent = drawn;
    // An error of the code itself is an ErrorEvent.
    this.#worker.onerror = (event: Event) => {
      if (!(event instanceof ErrorEvent)) broken();
    };
    this.#worker.onmessage = ({ data }: MessageEvent<FromPictureWorker>) => this.#received(data);
    const canvas = this.canvas.transferControlToOffscreen();
    this.#send({ canvas }, [canvas]);
  }

  placed(width: number): void {
    this.#maxWidth = width * devicePixelRatio;
  }

  /** Draws the newest entry as soon as the worker is ready. */
  show(entries: readonly PulledEntry[]): void {
    this.#showNewest(entries.at(-1));
  }

  #showNewest(newest: PulledEntry | undefined): void {
    this.#newest = newest;
    if (this.#drawing !== undefined || newest === undefined || newest === this.#last) return;
    this.#last = newest;
    const type = imageTypeOf(newest.data);
    if (type === undefined) {
      this.#problem = `entry ${newest.id} is not an image`;
      return;
    }
    const size = imageSizeOf(newest.data);
    // Decoders skip damaged parts of a header, and would decode any size.
    if (size === undefined) {
      this.#problem = `entry ${newest.id} has a damaged header`;
      return;
    }
    if (size.width * size.height > MAX_PIXELS) {
      this.#problem = `entry ${newest.id} has ${countText(size.width)} × ${countText(size.height)} pixels, which is too large`;
      return;
    }
    this.#drawing = newest;
    const data = newest.bytes().buffer as ArrayBuffer;
    this.#send({ data, type, maxWidth: this.#maxWidth || size.width }, [data]);
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

  /** Saves the shown image as it is stored. */
  save(name: string): void {
    if (this.#shown === undefined) return;
    const data = this.#shown.bytes() as Uint8Array<ArrayBuffer>;
    saveFile(new Blob([data]), `${name} ${this.#shown.id}.${extensionOf(data)}`);
  }

  stop(): void {
    this.#worker.terminate();
  }

  #received(reply: FromPictureWorker): void {
    const entry = this.#drawing;
    this.#drawing = undefined;
    if (entry !== undefined && reply !== undefined) {
      this.#size = reply;
      this.#shown = entry;
      this.#problem = "";
      this.#drawn.add(entry.timeMs);
      this.#skips.shown(entry.id);
      this.#drawnEvent(entry, reply);
    } else if (entry !== undefined) this.#problem = `entry ${entry.id} cannot be decoded`;
    this.#showNewest(this.#newest);
  }

  #send(message: ToPictureWorker, transfer: Transferable[]): void {
    this.#worker.postMessage(message, transfer);
  }
}
