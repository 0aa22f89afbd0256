/** Wrapper of uPlot: uses the page's colours, fills its element, and draws at most once per frame. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./live-plot.css";
import { LINE_COLOURS } from "../../design/line-colours.ts";
import { resolvedColour } from "../../design/resolved-colour.ts";
import { rowOfValue } from "./line-facts.ts";
import { axesOf, RIGHT } from "./plot-axes.ts";
import { PlotCursor } from "./plot-cursor.ts";

/** Plot in an element of the page. */
export interface LivePlot {
  /** Draws in the next frame in which the plot is visible. @param produce returns the data; it is called then */
  show(produce: () => uPlot.AlignedData): void;
  /** Shows the cursor at an x value; hides it with undefined, and outside of the range. */
  point(x: number | undefined): void;
  destroy(): void;
}

/** A line as it is drawn. */
export interface DrawnLine {
  readonly label: string;
  /** Position among the colours of `line-colours.css`. */
  readonly colour: number;
  readonly isRight?: boolean;
}

/** Options of a plot. */
export interface LivePlotOptions {
  readonly lines: readonly DrawnLine[];
  /** Units of the left and the right axis; empty without one. */
  readonly units?: readonly [left: string, right: string];
  /** Fixed range of the values. */
  readonly range?: readonly [min: number, max: number];
  /** Whether x values are Unix times in seconds. @default true */
  readonly isTime?: boolean;
  readonly isUtc?: boolean;
  /** Called when the cursor moves; with undefined when it leaves. */
  readonly onCursor?: (index: number | undefined) => void;
  /** Called with the x value under the pointer; with undefined when it leaves. */
  readonly onPoint?: (x: number | undefined) => void;
  /** Returns the x value of a vertical line; undefined for none. */
  readonly marker?: () => number | undefined;
  /** Called with the x value at which the user clicks. */
  readonly onClick?: (x: number) => void;
  /** Called with the range of x values that the user has zoomed in to; with undefined for the whole range. */
  readonly onZoom?: (range: readonly [min: number, max: number] | undefined) => void;
}

/** Below this number of points, each one is drawn as a dot. */
const FEW_POINTS = 60;
const MIN_HEIGHT = 60;
/** Converts an x value, Unix seconds, to a date whose local fields are in UTC. */
const UTC = (seconds: number): Date => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

/** Creates a plot in an element. Drag to zoom in, double-click to zoom out. */
export function createLivePlot(element: HTMLElement, options: LivePlotOptions): LivePlot {
  let isZoomed = false;
  let isSeen = true;
  let next: (() => uPlot.AlignedData) | undefined;
  let frame = 0;
  let cursor: PlotCursor | undefined;
  const sizeOf = () => ({
    width: element.clientWidth || 600,
    height: Math.max(MIN_HEIGHT, element.clientHeight || 260),
  });
  const zoomed = (now: boolean) => {
    isZoomed = now;
    if (!now) options.onZoom?.(undefined);
  };
  const scaled = (min: number, max: number) => {
    if (isZoomed) options.onZoom?.([min, max]);
  };
  const plot = new uPlot(
    { ...sizeOf(), ...optionsOf(element, options, { zoomed, scaled, drawn: () => cursor?.drawn() }) },
    [[], ...options.lines.map(() => [])],
    element,
  );
  plot.over.addEventListener("dblclick", () => zoomed(false));
  cursor = new PlotCursor(plot, (x) => options.onPoint?.(x));
  const stopClicks = watchClicks(plot, options.onClick);

  const draw = () => {
    frame = 0;
    if (next === undefined || !isSeen) return;
    plot.setData(next(), !isZoomed);
    if (isZoomed) plot.redraw();
    next = undefined;
  };
  const drawSoon = () => {
    if (frame === 0) frame = requestAnimationFrame(draw);
  };
  const resizing = new ResizeObserver(() => {
    const { width, height } = sizeOf();
    if (width !== plot.width || height !== plot.height) plot.setSize({ width, height });
  });
  resizing.observe(element);
  const seeing = new IntersectionObserver(([seen]) => {
    isSeen = seen?.isIntersecting ?? true;
    if (isSeen) drawSoon();
  });
  seeing.observe(element);
  return {
    show(produce) {
      next = produce;
      drawSoon();
    },
    point: (x) => cursor.show(x),
    destroy() {
      cancelAnimationFrame(frame);
      stopClicks();
      resizing.disconnect();
      seeing.disconnect();
      plot.destroy();
    },
  };
}

/** Time in which a second click makes a double click, ms. */
const DOUBLE_CLICK_MS = 300;
/** Movement of the pointer, in CSS pixels, from which on it drags and does not click. */
const MIN_DRAG = 4;

/** Reports single clicks: neither drags nor double clicks, which zoom. @returns a function that ends it */
function watchClicks({ over, posToVal }: uPlot, onClick: LivePlotOptions["onClick"]): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let downAt = 0;
  over.addEventListener("pointerdown", ({ clientX }) => {
    downAt = clientX;
  });
  over.addEventListener("click", ({ clientX, detail }) => {
    clearTimeout(timer);
    if (detail !== 1 || Math.abs(clientX - downAt) >= MIN_DRAG) return;
    const x = posToVal(clientX - over.getBoundingClientRect().left, "x");
    timer = setTimeout(() => onClick?.(x), DOUBLE_CLICK_MS);
  });
  return () => clearTimeout(timer);
}

/** Callbacks of a plot. */
interface PlotEvents {
  /** The user has zoomed in or out. */
  readonly zoomed: (isZoomed: boolean) => void;
  /** The range of x values has changed. */
  readonly scaled: (min: number, max: number) => void;
  readonly drawn: () => void;
}

/** Returns the options of uPlot without its size. */
function optionsOf(
  element: HTMLElement,
  { lines, units = ["", ""], range, isTime = true, isUtc = false, onCursor, marker }: LivePlotOptions,
  { zoomed, scaled, drawn }: PlotEvents,
): Omit<uPlot.Options, "width" | "height"> {
  const isLeftUsed = lines.length === 0 || lines.some(({ isRight = false }) => !isRight);
  const isRightUsed = lines.some(({ isRight = false }) => isRight);
  const markerColour = resolvedColour(element, "--warn");
  return {
    legend: { show: false },
    padding: [10, isRightUsed ? 0 : 12, 0, isLeftUsed ? 0 : 12],
    scales: { x: { time: isTime }, ...(range && { y: { range: [range[0], range[1]] } }) },
    ...(isUtc && { tzDate: UTC }),
    cursor: {
      // All plots show the same moment under the pointer, and the same range.
      ...(isTime && {
        sync: {
          key: "time",
          scales: ["x", null],
          filters: {
            pub: () => true,
            sub(type) {
              if (type === "dblclick") zoomed(false);
              return true;
            },
          },
        },
      }),
      points: { size: 6 },
      dataIdx: (plot, line, index) =>
        line === 0 ? index : (rowOfValue(plot.data[line] ?? [], index) ?? index),
    },
    series: [{}, ...lines.map((line) => seriesOf(element, line))],
    axes: axesOf({
      text: resolvedColour(element, "--muted"),
      grid: resolvedColour(element, "--edge"),
      isTime,
      isUtc,
      left: isLeftUsed ? units[0] : undefined,
      right: isRightUsed ? units[1] : undefined,
    }),
    hooks: {
      setSelect: [({ select }) => zoomed(select.width > 0)],
      setScale: [({ scales: { x } }, key) => key === "x" && scaled(x?.min ?? 0, x?.max ?? 0)],
      draw: [(plot) => drawMarker(plot, marker?.(), markerColour), drawn],
      setCursor: [({ cursor: { idx } }) => onCursor?.(idx ?? undefined)],
    },
  };
}

function drawMarker({ ctx, bbox, valToPos }: uPlot, x: number | undefined, colour: string): void {
  if (x === undefined) return;
  const at = Math.round(valToPos(x, "x", true));
  if (at < bbox.left || at > bbox.left + bbox.width) return;
  ctx.fillStyle = colour;
  ctx.fillRect(at - devicePixelRatio, bbox.top, 2 * devicePixelRatio, bbox.height);
}

const seriesOf = (element: HTMLElement, { label, colour: index, isRight }: DrawnLine): uPlot.Series => ({
  label,
  width: 1.4,
  stroke: resolvedColour(element, `--line-${index % LINE_COLOURS}`),
  ...(isRight && { scale: RIGHT }),
  points: {
    size: 5,
    show: (shown: uPlot, line: number, from: number, to: number) =>
      to - from < FEW_POINTS || hasFewValues(shown.data[line] ?? []),
  },
});

/** Whether a line has few values: rows of other streams have none. */
function hasFewValues(column: ArrayLike<number | null | undefined>): boolean {
  let count = 0;
  for (let i = 0; i < column.length && count < FEW_POINTS; i++)
    if (column[i] !== null && column[i] !== undefined) count++;
  return count < FEW_POINTS;
}
