/** Text viewer: text, JSON and MessagePack as a filtered list, newest last. It follows its end until the user scrolls. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../design/icon.tsx";
import { SearchField } from "../../design/search-field.tsx";
import { timeText } from "../../page/format.ts";
import { useResize } from "../../page/use-resize.ts";
import { isPointedElsewhere, rowOf, timeOfRow, useMarkedRow } from "../use-marked-row.ts";
import type { ViewProps } from "../viewer.ts";
import { newestLines } from "./lines.ts";
import "./text-view.css";

/** Maximum number of lines displayed. */
const MAX_LINES = 200;
/** The list keeps scrolling if it is this close to its end, CSS pixels. */
const NEAR_END = 40;
/** Keys that scroll up. */
const UP_KEYS = ["ArrowUp", "PageUp", "Home"];

/** Renders the list. */
export function TextView({ entries, name, workspace }: ViewProps) {
  const filter = useSignal("");
  const isPretty = useSignal(false);
  const follows = useSignal(true);
  const box = useRef<HTMLOListElement>(null);
  const lines = newestLines(entries.value, filter.value.toLowerCase(), isPretty.value, MAX_LINES);
  const scrollToEnd = () => {
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  };
  const followEnd = () => {
    // While another pane has the pointer, the line at its moment is shown.
    if (follows.peek() && !isPointedElsewhere(workspace, name)) scrollToEnd();
  };
  useEffect(followEnd);
  useResize(box, followEnd);
  useMarkedRow(box, workspace, name, followEnd);
  // Only an action of the user ends it. The position alone also changes when lines are replaced and when the pane is resized.
  const leave = () => {
    const element = box.current;
    if (element !== null && element.scrollHeight > element.clientHeight) follows.value = false;
  };
  return (
    <div class="text-view">
      <ol
        class="tail"
        ref={box}
        aria-label="Entries, newest last"
        tabIndex={0}
        onWheel={({ deltaY }) => deltaY < 0 && leave()}
        onTouchMove={leave}
        onPointerDown={({ currentTarget, offsetX }) => offsetX > currentTarget.clientWidth && leave()}
        onKeyDown={({ key }) => UP_KEYS.includes(key) && leave()}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          if (isPointedElsewhere(workspace, name)) return;
          if (scrollTop + clientHeight > scrollHeight - NEAR_END) follows.value = true;
        }}
      >
        {lines.map(({ entry, text, level }) => (
          <li key={entry.id} {...rowOf(entry)} class={level}>
            {entry.gap && <em class="gap">earlier entries were trimmed before they were read</em>}
            <time {...timeOfRow(entry)}>{timeText(entry.timeMs, workspace.isUtc.value)}</time>{" "}
            <span>{text}</span>
          </li>
        ))}
      </ol>
      {!follows.value && (
        <button
          type="button"
          class="newest"
          onClick={() => {
            follows.value = true;
          }}
        >
          <Icon of="down" small /> Newest
        </button>
      )}
      <div class="below">
        <SearchField text={filter} aria-label="Filter" placeholder="Filter …" />
        <label class="check">
          <input
            type="checkbox"
            checked={isPretty.value}
            onChange={() => (isPretty.value = !isPretty.value)}
          />{" "}
          Pretty
        </label>
      </div>
    </div>
  );
}
