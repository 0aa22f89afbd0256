/** Virtualized table of streams: only visible rows are rendered, because there may be thousands. */
import { useSignal } from "@preact/signals";
import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { bytesText, countText, msOfId, rateText, spanText } from "../page/format.ts";
import type { Layout } from "../page/layout.ts";
import { Sparkline } from "../page/sparkline.tsx";
import type { ListedStream } from "./listing.ts";

/** Height of a row in CSS pixels, as in the style sheet. */
const ROW = 36;
/** Number of rows rendered above and below the visible ones. */
const MARGIN = 8;

const COLUMNS = [
  { id: "name", title: "Stream", hint: "by name" },
  { id: "rate", title: "per s", hint: "by entries per second" },
  { id: "bytes", title: "bytes/s", hint: "by bytes per second" },
  { id: "length", title: "entries", hint: "by length" },
  { id: "age", title: "last", hint: "by the age of the last entry" },
] as const;
/** Sort column. */
export type Column = (typeof COLUMNS)[number]["id"];

/** Sort order. */
export interface Sort {
  readonly column: Column;
  readonly reverse: boolean;
}

interface StreamTableProps {
  readonly rows: readonly ListedStream[];
  /** Connected devices. */
  readonly devices: ReadonlySet<string>;
  readonly layout: Layout;
  readonly sort: Sort;
  readonly sortBy: (column: Column) => void;
}

/** Renders the table. */
export function StreamTable({ rows, devices, layout, sort, sortBy }: StreamTableProps) {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Scrolls to the top after a change of the sort order.
  useEffect(() => {
    box.current?.scrollTo(0, 0);
  }, [sort]);

  const from = Math.max(0, Math.min(Math.floor(top.value / ROW), rows.length) - MARGIN);
  const to = Math.min(rows.length, Math.ceil((top.value + height.value) / ROW) + MARGIN);

  const open = new Set(layout.panes.value.map(({ key }) => key));
  return (
    <div role="table" aria-label="Streams" aria-rowcount={rows.length + 1} class="table">
      <HeaderRow sort={sort} sortBy={sortBy} />
      <div
        role="rowgroup"
        class="rows"
        ref={box}
        tabIndex={0}
        aria-label="Visible streams"
        onScroll={({ currentTarget }) => {
          top.value = currentTarget.scrollTop;
        }}
        onKeyDown={(event) => moveFocus(event, rows.length)}
      >
        <div role="presentation" style={{ height: `${rows.length * ROW}px`, position: "relative" }}>
          {rows.slice(from, to).map((stream, i) => (
            <Row
              key={stream.key}
              stream={stream}
              index={from + i}
              isOpen={open.has(stream.key)}
              isConnected={stream.device !== undefined && devices.has(stream.device)}
              toggle={() => (open.has(stream.key) ? layout.close(stream.key) : layout.open(stream.key))}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Moves the focus with arrow keys, also to rows that are not rendered yet. @param count number of all rows */
function moveFocus(event: TargetedKeyboardEvent<HTMLElement>, count: number): void {
  const element = event.currentTarget;
  const page = Math.max(1, Math.floor(element.clientHeight / ROW) - 1);
  const by = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -count,
    End: count,
  }[event.key];
  const index = Number((event.target as HTMLElement).dataset.index);
  if (by === undefined || Number.isNaN(index)) return;
  event.preventDefault();
  const next = Math.max(0, Math.min(count - 1, index + by));
  if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
  const below = (next + 1) * ROW - element.clientHeight;
  if (below > element.scrollTop) element.scrollTop = below;
  requestAnimationFrame(() =>
    element.querySelector<HTMLElement>(`button[data-index="${next}"]`)?.focus({ preventScroll: true }),
  );
}

/** Row of the column titles, which change the sort order. */
function HeaderRow({ sort, sortBy }: Pick<StreamTableProps, "sort" | "sortBy">) {
  return (
    <div role="row" aria-rowindex={1} class="row head">
      {COLUMNS.map(({ id, title, hint }) => (
        <span
          key={id}
          role="columnheader"
          aria-sort={
            sort.column !== id ? "none" : (id === "name") !== sort.reverse ? "ascending" : "descending"
          }
        >
          <button type="button" title={`Sort ${hint}`} onClick={() => sortBy(id)}>
            {title}
            {sort.column === id && <span aria-hidden="true">{sort.reverse ? " ▴" : " ▾"}</span>}
          </button>
        </span>
      ))}
    </div>
  );
}

interface RowProps {
  readonly stream: ListedStream;
  readonly index: number;
  readonly isOpen: boolean;
  readonly isConnected: boolean;
  readonly toggle: () => void;
}

function Row({ stream, index, isOpen, isConnected, toggle }: RowProps) {
  const lastMs = msOfId(stream.lastId);
  return (
    <div role="row" aria-rowindex={index + 2} class="row" style={{ top: `${index * ROW}px` }}>
      <span role="cell">
        <button type="button" data-index={index} aria-pressed={isOpen} title={stream.key} onClick={toggle}>
          {isConnected && (
            <span class="connected" role="img" aria-label="device connected">
              ●
            </span>
          )}
          {stream.device && <span class="device">{stream.device}:</span>}
          {stream.stream}
        </button>
      </span>
      <span role="cell" class="rate">
        <Sparkline values={stream.rates} />
        {rateText(stream.rate)}
      </span>
      <span role="cell">{stream.bytesRate === undefined ? "–" : bytesText(stream.bytesRate)}</span>
      <span role="cell">{countText(stream.length)}</span>
      <span role="cell">{lastMs === undefined ? "–" : spanText(Date.now() - lastMs)}</span>
    </div>
  );
}
