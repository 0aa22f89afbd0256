/**
 * Hook of viewers that list entries: marks the row at the shared cursor, and moves the cursor while the pointer is over a row. A
 * click on the time of a row shows its moment.
 */
import { effect } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../client/browser.ts";
import { followPointer } from "../time/follow-pointer.ts";
import type { Workspace } from "../workspace/workspace.ts";
import "./row-time.css";

/** Attribute of a row: the time of its entry, Unix ms. */
const TIME = "data-ms";
/** Attribute of the element with the time: the id of the entry. */
const ENTRY = "data-entry";

/** Returns the attributes of the row of an entry. */
export const rowOf = ({ timeMs }: PulledEntry) => ({ [TIME]: timeMs });

/** Returns the attributes of the element in a row that has the time of the entry. */
export const timeOfRow = ({ id }: PulledEntry) => ({
  [ENTRY]: id,
  title: `Entry ${id}. Click to show this moment in all panes`,
});

const viewOf = (name: string): string => `list ${name}`;

/** Whether the pointer is over a moment of another view than the list of a stream. @param name key of the stream */
export function isPointedElsewhere({ cursor }: Pick<Workspace, "cursor">, name: string): boolean {
  const pointed = cursor.pointed.peek();
  return pointed !== undefined && pointed.view !== viewOf(name);
}

/**
 * Marks the last row that is not after the cursor. If the cursor is moved in another view, the list is scrolled to the row, and
 * afterwards back. The rows are changed without a rendering, which would be one per movement of the pointer.
 *
 * @param box element that scrolls @param name key of the stream
 * @param afterwards called when the pointer is over no moment any more, after the list is scrolled back
 */
export function useMarkedRow(
  box: RefObject<HTMLElement | null>,
  { cursor, clock }: Pick<Workspace, "cursor" | "clock">,
  name: string,
  afterwards?: () => void,
): void {
  const left = useRef(afterwards);
  left.current = afterwards;
  const update = useRef<() => void>(undefined);
  useEffect(() => {
    const list = box.current;
    if (list === null) return;
    const view = viewOf(name);
    const marker = new RowMarker(list);
    const mark = () => {
      const pointed = cursor.pointed.value;
      marker.mark(pointed?.ms, pointed?.view !== view);
    };
    update.current = mark;
    const stop = effect(() => {
      mark();
      if (cursor.pointed.value === undefined) left.current?.();
    });
    const stopFollowing = followPointer(list, { cursor, clock }, { view, momentAt, positionAt });
    return () => {
      stop();
      stopFollowing();
    };
  }, [box, cursor, clock, name]);
  // Rows may have been added and replaced.
  useEffect(() => update.current?.());
}

const timeOf = (row: Element): number => Number(row.getAttribute(TIME));

/** Returns the time of the row under the pointer, Unix ms. */
function momentAt({ target }: MouseEvent): number | undefined {
  const row = target instanceof Element ? target.closest(`[${TIME}]`) : null;
  return row === null ? undefined : timeOf(row);
}

/** Returns the id of the entry whose time is under the pointer. */
function positionAt({ target }: MouseEvent): string | undefined {
  const time = target instanceof Element ? target.closest(`[${ENTRY}]`) : null;
  return time?.getAttribute(ENTRY) ?? undefined;
}

/** Marks one row of a list. */
class RowMarker {
  readonly #list: HTMLElement;
  #marked: Element | undefined;
  /** Position to which the list is scrolled back. */
  #scrollTop: number | undefined;

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** @param ms undefined marks none @param scrolls whether the row has to be visible */
  mark(ms: number | undefined, scrolls: boolean): void {
    const row = ms === undefined ? undefined : this.#rowAt(ms);
    if (row !== this.#marked) this.#marked?.removeAttribute("aria-current");
    row?.setAttribute("aria-current", "true");
    this.#marked = row;
    if (ms === undefined) this.#scrollBack();
    else if (row !== undefined && scrolls) this.#show(row);
  }

  #rowAt(ms: number): Element | undefined {
    let found: Element | undefined;
    for (const row of this.#list.querySelectorAll(`[${TIME}]`))
      if (timeOf(row) <= ms && (found === undefined || timeOf(row) >= timeOf(found))) found = row;
    return found;
  }

  #show(row: Element): void {
    const list = this.#list;
    const [area, own] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
    const header = list.querySelector("thead")?.getBoundingClientRect().height ?? 0;
    if (own.top >= area.top + header && own.bottom <= area.bottom) return;
    this.#scrollTop ??= list.scrollTop;
    list.scrollTop += own.top - (area.top + header + (area.height - header - own.height) / 2);
  }

  #scrollBack(): void {
    if (this.#scrollTop !== undefined) this.#list.scrollTop = this.#scrollTop;
    this.#scrollTop = undefined;
  }
}
