/** The image in its pane: places the canvas and the overlay, and follows the wheel and the pointer. */
import type { ReadonlySignal } from "@preact/signals";
import type { PulledEntry } from "../../../client/browser.ts";
import { extensionOf } from "../../../src/domain/content/detection.ts";
import { saveFile } from "../../page/save-file.ts";
import { ImageCanvas } from "./image-canvas.ts";
import type { ImageSize } from "./image-size.ts";
import { fitted, type Placement, zoomed } from "./image-zoom.ts";
import { drawShapes, type ShapeLayer } from "./overlay.ts";
import type { StreamCounters } from "./skip-counter.ts";

/** Returns the shapes for an image. */
type LayersOf = (entry: PulledEntry, size: ImageSize) => readonly ShapeLayer[];

const WHEEL_FACTOR = 1.0015;

/** An image in its pane. */
export class ImageStage {
  readonly #pane: HTMLElement;
  readonly #stage = document.createElement("div");
  readonly #overlay = document.createElement("canvas");
  readonly #canvas: ImageCanvas;
  readonly #observer: ResizeObserver;
  readonly #layersOf: LayersOf;
  readonly #listening = new AbortController();
  /** Chosen by the user; undefined while the image is fitted. */
  #chosen: Placement | undefined;
  #shown: PulledEntry | undefined;
  #drawing = 0;
  #unfollow: () => void = () => undefined;

  constructor(pane: HTMLElement, name: string, onFirstImage: () => void, layersOf: LayersOf) {
    this.#pane = pane;
    this.#layersOf = layersOf;
    this.#stage.className = "stage";
    this.#overlay.className = "overlay";
    this.#overlay.setAttribute("aria-hidden", "true");
    const picture = document.createElement("div");
    this.#stage.append(picture);
    pane.replaceChildren(this.#stage);
    this.#canvas = new ImageCanvas(picture, name, {
      first: onFirstImage,
      drawn: (entry) => {
        this.#shown = entry;
        this.#place();
      },
    });
    this.#observer = new ResizeObserver(() => this.#place());
    this.#observer.observe(pane);
    const { signal } = this.#listening;
    pane.addEventListener("wheel", (event) => this.#zoom(event), { passive: false, signal });
    pane.addEventListener("pointerdown", (event) => pane.setPointerCapture(event.pointerId), { signal });
    pane.addEventListener("dblclick", () => this.fit(), { signal });
    pane.addEventListener("pointermove", (event) => this.#move(event), { signal });
  }

  get isZoomed(): boolean {
    return this.#chosen !== undefined;
  }

  show(entry: PulledEntry | undefined): void {
    // An image of another moment would look like the one of this moment.
    this.#stage.hidden = entry === undefined;
    this.#canvas.show(entry);
  }

  count(counters: StreamCounters | undefined): void {
    this.#canvas.count(counters);
  }

  describe(isLive: boolean): string {
    return this.#canvas.describe(isLive);
  }

  /** Shows the whole image. */
  fit(): void {
    this.#chosen = undefined;
    this.#place();
  }

  /** Saves the shown image as it is stored. */
  save(name: string): void {
    if (this.#shown === undefined) return;
    const data = this.#shown.bytes() as Uint8Array<ArrayBuffer>;
    saveFile(new Blob([data]), `${name} ${this.#shown.id}.${extensionOf(data)}`);
  }

  /** Draws the shapes again when these entries change: a detector reports after the image was shown. */
  redrawWith(sources: readonly ReadonlySignal<unknown>[]): void {
    this.#unfollow();
    const stops = sources.map((source) => source.subscribe(() => this.#drawSoon()));
    this.#unfollow = () => {
      for (const stop of stops) stop();
    };
    if (sources.length > 0) this.#stage.append(this.#overlay);
    else this.#overlay.remove();
  }

  stop(): void {
    cancelAnimationFrame(this.#drawing);
    this.#unfollow();
    this.#listening.abort();
    this.#observer.disconnect();
    this.#canvas.stop();
  }

  get #paneSize(): ImageSize {
    return { width: this.#pane.clientWidth, height: this.#pane.clientHeight };
  }

  #place(): void {
    const { size } = this.#canvas;
    if (size === undefined) return;
    const { scale, x, y } = this.#chosen ?? fitted(size, this.#paneSize);
    this.#canvas.setScale(scale);
    this.#stage.style.transform = `translate(${x}px, ${y}px)`;
    this.#stage.classList.toggle("pixels", scale >= 3);
    this.#drawSoon();
  }

  #zoom(event: WheelEvent): void {
    const { size } = this.#canvas;
    if (size === undefined) return;
    event.preventDefault();
    const { left, top } = this.#pane.getBoundingClientRect();
    const pointer = [event.clientX - left, event.clientY - top] as const;
    const before = this.#chosen ?? fitted(size, this.#paneSize);
    this.#chosen = zoomed(before, WHEEL_FACTOR ** -event.deltaY, pointer, size, this.#paneSize);
    this.#place();
  }

  #move({ buttons, movementX, movementY }: PointerEvent): void {
    if (buttons !== 1 || this.#chosen === undefined) return;
    const { scale, x, y } = this.#chosen;
    this.#chosen = { scale, x: x + movementX, y: y + movementY };
    this.#place();
  }

  #drawSoon(): void {
    if (!this.#overlay.isConnected || this.#drawing !== 0) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      const { size } = this.#canvas;
      if (size === undefined || this.#shown === undefined) return;
      const { scale } = this.#chosen ?? fitted(size, this.#paneSize);
      drawShapes(this.#overlay, size, scale, this.#layersOf(this.#shown, size));
    });
  }
}
