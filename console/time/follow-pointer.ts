/** Follows the pointer over a view whose places are moments: it moves the shared cursor, and a click shows the moment in all panes. */
import type { Clock } from "./clock.ts";
import type { SharedCursor } from "./shared-cursor.ts";

/** The moments of a view. */
export interface PointedView {
  /** Name of the view at the cursor. */
  readonly view: string;
  /** Returns the moment under the pointer, Unix ms; undefined if there is none. */
  readonly momentAt: (event: MouseEvent) => number | undefined;
  /** Returns the position of the clock that a click selects; undefined if none. */
  readonly positionAt: (event: MouseEvent) => string | undefined;
}

/** Begins to follow the pointer. @returns a function that ends it */
export function followPointer(
  element: HTMLElement,
  { cursor, clock }: { readonly cursor: SharedCursor; readonly clock: Clock },
  { view, momentAt, positionAt }: PointedView,
): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  const leave = () => cursor.leave(view);
  const move = (event: PointerEvent) => {
    const ms = momentAt(event);
    if (ms === undefined) leave();
    else cursor.point(view, ms);
  };
  const click = (event: MouseEvent) => {
    const position = positionAt(event);
    if (position !== undefined) clock.seek(position);
  };
  element.addEventListener("pointermove", move, { signal });
  element.addEventListener("pointerleave", leave, { signal });
  element.addEventListener("click", click, { signal });
  return () => {
    listening.abort();
    leave();
  };
}
