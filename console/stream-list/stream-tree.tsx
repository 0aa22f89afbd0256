/** Virtualized tree of devices and streams: only visible rows are rendered, because there may be thousands. */
import { useSignal } from "@preact/signals";
import type { TargetedKeyboardEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ElidedName } from "../design/elided-name.tsx";
import { Icon } from "../design/icon.tsx";
import { dragStream } from "../page/dragged-stream.ts";
import { bytesText, countText, msOfId, rateText, spanText } from "../page/format.ts";
import { Sparkline } from "../page/sparkline.tsx";
import { useResize } from "../page/use-resize.ts";
import type { DemoOffer } from "../workspace/demo.ts";
import type { DeviceRow, StreamRow, TreeRow } from "./tree-rows.ts";

/** Height of a row in CSS pixels, as in `stream-list.css`. */
const ROW = 30;
/** Number of rows rendered above and below the visible ones. */
const MARGIN = 8;

interface StreamTreeProps {
  readonly rows: readonly TreeRow[];
  /** Connected devices. */
  readonly connected: ReadonlySet<string>;
  /** Keys of the open streams. */
  readonly open: ReadonlySet<string>;
  readonly selectedKey: string | undefined;
  /** Whether the rates are current. */
  readonly isCurrent: boolean;
  /** Changes when the rows are other ones, which are shown from the top. */
  readonly resetOn: string;
  /** Allowed action on the demo device. */
  readonly demo: DemoOffer | undefined;
  readonly changeDemo: (offer: DemoOffer) => void;
  readonly openStream: (key: string) => void;
  readonly fold: (device: string, isOpen: boolean) => void;
}

/** Renders the tree. */
export function StreamTree(props: StreamTreeProps) {
  const { rows, connected, open, selectedKey, isCurrent, resetOn, openStream, fold } = props;
  const { demo, changeDemo } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  useResize(box, ({ clientHeight }) => {
    height.value = clientHeight;
  });
  useEffect(() => {
    box.current?.scrollTo(0, 0);
  }, [resetOn]);

  const from = Math.max(0, Math.min(Math.floor(top.value / ROW), rows.length) - MARGIN);
  const to = Math.min(rows.length, Math.ceil((top.value + height.value) / ROW) + MARGIN);
  return (
    <div
      role="treegrid"
      aria-label="Streams"
      aria-rowcount={rows.length}
      class={isCurrent ? "rows" : "rows outdated"}
      ref={box}
      tabIndex={0}
      onScroll={({ currentTarget }) => {
        top.value = currentTarget.scrollTop;
      }}
      onKeyDown={(event) => handleKey(event, rows, fold)}
    >
      <div role="presentation" style={{ height: `${rows.length * ROW}px`, position: "relative" }}>
        {rows
          .slice(from, to)
          .map((row, i) =>
            row.kind === "device" ? (
              <Device
                key={`device ${row.device}`}
                {...{ row, index: from + i, fold, changeDemo }}
                isConnected={connected.has(row.device)}
                demo={row.device === demo?.device ? demo : undefined}
              />
            ) : (
              <Stream
                key={row.stream.key}
                {...{ row, index: from + i, openStream }}
                isOpen={open.has(row.stream.key)}
                isSelected={row.stream.key === selectedKey}
                isConnected={!row.isNested && connected.has(row.stream.device ?? "")}
              />
            ),
          )}
      </div>
    </div>
  );
}

/** Moves the focus with the arrow keys, also to rows that are not rendered yet; left and right fold and unfold a device. */
function handleKey(
  event: TargetedKeyboardEvent<HTMLElement>,
  rows: readonly TreeRow[],
  fold: StreamTreeProps["fold"],
): void {
  const element = event.currentTarget;
  const page = Math.max(1, Math.floor(element.clientHeight / ROW) - 1);
  const index = Number((event.target as HTMLElement).dataset.index ?? -1);
  const row = rows[index];
  if (row?.kind === "device" && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    event.preventDefault();
    fold(row.device, event.key === "ArrowRight");
    return;
  }
  const by = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -rows.length,
    End: rows.length,
  }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  const next = Math.max(0, Math.min(rows.length - 1, index + by));
  if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
  const below = (next + 1) * ROW - element.clientHeight;
  if (below > element.scrollTop) element.scrollTop = below;
  requestAnimationFrame(() =>
    element.querySelector<HTMLElement>(`button[data-index="${next}"]`)?.focus({ preventScroll: true }),
  );
}

interface DeviceProps {
  readonly row: DeviceRow;
  readonly index: number;
  readonly isConnected: boolean;
  /** Set for the demo device. */
  readonly demo: DemoOffer | undefined;
  readonly changeDemo: StreamTreeProps["changeDemo"];
  readonly fold: StreamTreeProps["fold"];
}

function Device({ row, index, isConnected, demo, changeDemo, fold }: DeviceProps) {
  const { device, count, isOpen } = row;
  return (
    <div
      role="row"
      aria-level={1}
      aria-expanded={isOpen}
      aria-rowindex={index + 1}
      class="row device"
      style={{ top: `${index * ROW}px` }}
    >
      <span role="gridcell" class="cell">
        <button type="button" data-index={index} tabIndex={-1} onClick={() => fold(device, !isOpen)}>
          <span class={isOpen ? "fold open" : "fold"}>
            <Icon of="chevron" small />
          </span>
          <Icon of="device" small />
          <ElidedName name={device || "without device"} />
          {isConnected && <ConnectedDot />}
        </button>
      </span>
      <span role="gridcell" class="hint tail">
        {demo && <DemoButton {...{ demo, changeDemo }} />}
        {countText(count)}
      </span>
    </div>
  );
}

interface DemoButtonProps {
  readonly demo: DemoOffer;
  readonly changeDemo: StreamTreeProps["changeDemo"];
}

function DemoButton({ demo, changeDemo }: DemoButtonProps) {
  const isPlayed = demo.action === "stop";
  const label = isPlayed ? "Stop the demo device" : "Play the demo device again";
  return (
    <button type="button" class="quiet" title={label} aria-label={label} onClick={() => changeDemo(demo)}>
      <Icon of={isPlayed ? "stop" : "play"} small />
    </button>
  );
}

interface StreamProps {
  readonly row: StreamRow;
  readonly index: number;
  readonly isOpen: boolean;
  readonly isSelected: boolean;
  readonly isConnected: boolean;
  readonly openStream: (key: string) => void;
}

function Stream({
  row: { stream, name, isNested },
  index,
  isOpen,
  isSelected,
  isConnected,
  openStream,
}: StreamProps) {
  const firstMs = msOfId(stream.firstId);
  const lastMs = msOfId(stream.lastId);
  const kept =
    firstMs === undefined || lastMs === undefined ? "nothing stored" : `stores ${spanText(lastMs - firstMs)}`;
  const size = stream.bytesRate === undefined ? "" : `, ${bytesText(stream.bytesRate)}/s`;
  return (
    <div
      role="row"
      aria-level={isNested ? 2 : 1}
      aria-selected={isSelected}
      aria-rowindex={index + 1}
      class={`row stream ${isNested ? "nested" : ""} ${isOpen ? "open" : ""}`}
      style={{ top: `${index * ROW}px` }}
      // A plot takes the numbers of a dropped stream.
      draggable
      onDragStart={(event) => dragStream(event, stream.key)}
    >
      <span role="gridcell" class="cell">
        <button
          type="button"
          data-index={index}
          tabIndex={index === 0 ? 0 : -1}
          aria-pressed={isOpen}
          aria-label={stream.key}
          title={`${stream.key}\n${countText(stream.length)} entries, ${kept}${size}`}
          onClick={() => openStream(stream.key)}
        >
          <ElidedName name={name} />
          {isConnected && <ConnectedDot />}
        </button>
      </span>
      <span role="gridcell" class="rate" title="Entries per second">
        <Sparkline values={stream.rates} />
        {rateText(stream.rate)}
      </span>
      <span role="gridcell" class="age" title="Age of the last entry">
        {lastMs === undefined ? "–" : spanText(Date.now() - lastMs)}
      </span>
    </div>
  );
}

function ConnectedDot() {
  return <span class="connected" role="img" aria-label="device connected" title="Connected" />;
}
