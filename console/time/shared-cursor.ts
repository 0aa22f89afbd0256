/** Cursor that panes share: the moment under the pointer in one of them, which the others mark. */
import { type ReadonlySignal, signal } from "@preact/signals";

/** A moment under the pointer. */
export interface PointedMoment {
  /** Unix ms. */
  readonly ms: number;
  /** The view that has the pointer. Plots, which synchronize themselves, are one view. */
  readonly view: string;
}

/** Cursor of the page. */
export class SharedCursor {
  readonly #pointed = signal<PointedMoment | undefined>(undefined);

  /** The moment under the pointer; undefined if the pointer is over no moment. */
  get pointed(): ReadonlySignal<PointedMoment | undefined> {
    return this.#pointed;
  }

  /** The pointer is over a moment of a view. */
  point(view: string, ms: number): void {
    const before = this.#pointed.peek();
    if (before?.ms !== ms || before.view !== view) this.#pointed.value = { ms, view };
  }

  /** The pointer has left a view, or the view was closed. */
  leave(view: string): void {
    if (this.#pointed.peek()?.view === view) this.#pointed.value = undefined;
  }
}
