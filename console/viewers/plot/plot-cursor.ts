/** Cursor of a plot: reports the x value under the pointer, and shows one that another view of the page has. */
import type uPlot from "uplot";

/** Position at which uPlot hides the cursor. */
const HIDDEN = { left: -10, top: -10 };

/** Cursor of one plot. */
export class PlotCursor {
  readonly #plot: uPlot;
  readonly #onPoint: (x: number | undefined) => void;
  /** Position of the pointer while it is over the plot, CSS pixels. */
  #left: number | undefined;
  /** The x value that another view has. */
  #shown: number | undefined;

  /** @param onPoint is called with the x value under the pointer, and with undefined when the pointer leaves */
  constructor(plot: uPlot, onPoint: (x: number | undefined) => void) {
    this.#plot = plot;
    this.#onPoint = onPoint;
    plot.over.addEventListener("mousemove", ({ clientX }) => {
      this.#left = clientX - plot.over.getBoundingClientRect().left;
      this.drawn();
    });
    plot.over.addEventListener("mouseleave", () => {
      this.#left = undefined;
      onPoint(undefined);
    });
    plot.over.addEventListener("click", (event) => {
      // A finger leaves no pointer over the plot, but browsers report no leaving before the next tap.
      if (event instanceof PointerEvent && event.pointerType === "touch")
        plot.over.dispatchEvent(new MouseEvent("mouseleave"));
    });
  }

  /** Shows an x value; undefined hides it. */
  show(x: number | undefined): void {
    if (x === this.#shown) return;
    this.#shown = x;
    if (x === undefined) this.#plot.setCursor(HIDDEN);
    else this.#place(x);
  }

  /** Call when the plot was drawn: another x value may be at the same position, and the same at another one. */
  drawn(): void {
    if (this.#left !== undefined) this.#onPoint(this.#plot.posToVal(this.#left, "x"));
    else if (this.#shown !== undefined) this.#place(this.#shown);
  }

  #place(x: number): void {
    const { over, valToPos } = this.#plot;
    const left = valToPos(x, "x");
    const isInside = left >= 0 && left <= over.clientWidth;
    this.#plot.setCursor(isInside ? { ...HIDDEN, left } : HIDDEN);
  }
}
