/** A picture in its pane: places the canvas and the overlay, and follows the wheel and the pointer. */
import type { ReadonlySignal } from "@preact/signals";
import type { PulledEntry } from "../../../client/browser.ts";
import type { Turns } from "../../workspace/turns.ts";
import { drawShapes, type ShapeLayer } from "./overlay.ts";
import type { PictureScreen } from "./picture-screen.ts";
import type { PictureSize } from "./picture-size.ts";
import { fitted, type Placement, turnedPoint, turnedSize, zoomed } from "./placement.ts";

/** Returns the shapes for a picture. */
type LayersOf = (entry: PulledEntry, size: PictureSize) => readonly ShapeLayer[];

const WHEEL_FACTOR = 1.0015;

/** Places a picture in its pane. */
export class PictureStage {
  readonly #pane: HTMLElement;
  readonly #screen: PictureScreen;
  readonly #layersOf: LayersOf;
  readonly #stage = document.createElement("div");
  readonly #overlay = document.createElement("canvas");
  readonly #observer: ResizeObserver;
  readonly #listening = new AbortController();
  /** Kept, because reading it from the element in a frame makes the browser compute the layout of the page first. */
  #paneSize: PictureSize;
  /** Chosen by the user; undefined while the picture is fitted. */
  #chosen: Placement | undefined;
  #turns: Turns = 0;
  #shown: { readonly entry: PulledEntry; readonly size: PictureSize } | undefined;
  #drawing = 0;
  #unfollow: () => void = () => undefined;

  constructor(pane: HTMLElement, screen: PictureScreen, layersOf: LayersOf) {
    this.#pane = pane;
    this.#screen = screen;
    this.#layersOf = layersOf;
    this.#stage.className = "stage";
    this.#overlay.className = "overlay";
    this.#overlay.setAttribute("aria-hidden", "true");
    this.#stage.append(screen.canvas);
    pane.replaceChildren(this.#stage);
    this.#paneSize = sizeOf(pane);
    this.#observer = new ResizeObserver(() => {
      this.#paneSize = sizeOf(pane);
      this.#place();
    });
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

  /** Hides the picture while there is none: one of another moment would look like one of this moment. */
  setEmpty(isEmpty: boolean): void {
    this.#stage.hidden = isEmpty;
  }

  /** Places a picture that the screen has drawn, and draws its shapes. */
  drawn(entry: PulledEntry, size: PictureSize): void {
    this.#shown = { entry, size };
    this.#place();
  }

  /** Shows the whole picture. */
  fit(): void {
    this.#chosen = undefined;
    this.#place();
  }

  /** Turns the picture. */
  turn(turns: Turns): void {
    if (turns === this.#turns) return;
    this.#turns = turns;
    this.fit();
  }

  /** Draws the shapes again when these entries change: a detector reports after the picture was shown. */
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
  }

  /** Size of the turned picture, and its placement; undefined before the first picture. */
  get #placement(): { readonly size: PictureSize; readonly placement: Placement } | undefined {
    if (this.#shown === undefined) return undefined;
    const size = turnedSize(this.#shown.size, this.#turns);
    return { size, placement: this.#chosen ?? fitted(size, this.#paneSize) };
  }

  #place(): void {
    const now = this.#placement;
    if (now === undefined || this.#shown === undefined) return;
    const { scale, x, y } = now.placement;
    const { width, height } = this.#shown.size;
    const { canvas } = this.#screen;
    canvas.style.width = `${width * scale}px`;
    canvas.style.height = `${height * scale}px`;
    // The canvas turns around its top left corner, which is moved to where it belongs then.
    const [left, top] = turnedPoint([0, 0], { width: width * scale, height: height * scale }, this.#turns);
    canvas.style.transform =
      this.#turns === 0 ? "" : `translate(${left}px, ${top}px) rotate(${this.#turns * 90}deg)`;
    this.#screen.placed?.(width * scale);
    this.#stage.style.transform = `translate(${x}px, ${y}px)`;
    this.#stage.classList.toggle("pixels", scale >= 3);
    this.#drawSoon();
  }

  #zoom(event: WheelEvent): void {
    const now = this.#placement;
    if (now === undefined) return;
    event.preventDefault();
    const { left, top } = this.#pane.getBoundingClientRect();
    const pointer = [event.clientX - left, event.clientY - top] as const;
    const factor = WHEEL_FACTOR ** -event.deltaY;
    this.#chosen = zoomed(now.placement, factor, pointer, now.size, this.#paneSize);
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
      const now = this.#placement;
      if (now === undefined || this.#shown === undefined) return;
      const { entry, size } = this.#shown;
      const layers = this.#layersOf(entry, size);
      drawShapes(this.#overlay, { size, turns: this.#turns, scale: now.placement.scale }, layers);
    });
  }
}

const sizeOf = ({ clientWidth, clientHeight }: HTMLElement): PictureSize => ({
  width: clientWidth,
  height: clientHeight,
});
