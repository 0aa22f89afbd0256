/** The areas left and right of the panes: open or folded, with a width that the user drags. Stored in the browser. */
import { effect, type Signal, signal } from "@preact/signals";

/** One side. */
export interface Side {
  readonly isOpen: Signal<boolean>;
  /** CSS pixels. */
  readonly width: Signal<number>;
  toggle(): void;
}

/** Both sides. */
export interface Sides {
  readonly left: Side;
  readonly right: Side;
}

/** Minimum width of a side, CSS pixels. */
export const MIN_WIDTH = 200;
/** Maximum width of a side, CSS pixels. */
export const MAX_WIDTH = 640;
/** Below this width of the page, a side covers the panes, CSS pixels. */
export const NARROW = 760;
/** Below this width, the right side covers the panes. */
const NARROW_RIGHT = 1000;

/** Storage of the state. */
export type Store = Pick<Storage, "getItem" | "setItem">;

/** Opens the sides as they were left. @param pageWidth decides which sides are open at first */
export function openSides(store: Store, pageWidth: number): Sides {
  const isNarrow = pageWidth < NARROW;
  return {
    left: openSide(store, "left", { isOpen: !isNarrow, width: 300 }, isNarrow),
    right: openSide(store, "right", { isOpen: pageWidth >= 1400, width: 320 }, pageWidth < NARROW_RIGHT),
  };
}

/** Keeps a width within its limits. */
export const boundedWidth = (width: number): number =>
  Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, Math.round(width)));

function openSide(
  store: Store,
  name: string,
  first: { readonly isOpen: boolean; readonly width: number },
  isNarrow: boolean,
): Side {
  const key = `redis-streamer.side.${name}`;
  const [open, width] = (store.getItem(key) ?? "").split(" ");
  const isOpen = signal(isNarrow || open === undefined || open === "" ? first.isOpen : open === "open");
  const side = { isOpen, width: signal(boundedWidth(Number(width) || first.width)) };
  effect(() => {
    const text = `${isOpen.value ? "open" : "folded"} ${side.width.value}`;
    // A side that covers the panes is not stored for wide pages.
    if (!isNarrow) store.setItem(key, text);
  });
  return {
    ...side,
    toggle() {
      isOpen.value = !isOpen.value;
    },
  };
}
