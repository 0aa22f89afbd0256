/** Wrapper of uPlot: uses the page's colours, fills its element, and draws at most once per frame. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { LINE_COLOURS } from "../../design/line-colours.ts";
import { dayAndTime } from "../../page/format.ts";

/** A plot. */
export interface LivePlot {
  /** Draws data in the next frame if the plot is visible. */
  show(data: uPlot.AlignedData): void;
  destroy(): void;
}

/** A line. */
export interface PlotLine {
  readonly label: string;
  /** Position among the colours of the style sheet. */
  readonly colour: number;
}

/** Options of a plot. */
export interface LivePlotOptions {
  readonly lines: readonly PlotLine[];
  /** Fixed range of the values. */
  readonly range?: readonly [least: number, most: number];
  /** Whether x values are Unix times in seconds. @default true */
  readonly isTime?: boolean;
  readonly isUtc?: boolean;
  /** Called when the cursor moves; with undefined when it leaves. */
  readonly onCursor?: (index: number | undefined) => void;
}

/** Below this number of points, each one is drawn as a dot. */
const FEW_POINTS = 60;
const AXIS_FONT = "11px system-ui, sans-serif";
const AXIS_PADDING = 18;
/** Height of the time axis, CSS pixels. */
const TIME_AXIS_HEIGHT = 26;
const MIN_HEIGHT = 60;

/** Creates a plot in an element. Drag to zoom in, double-click to zoom out. */
export function createLivePlot(element: HTMLElement, options: LivePlotOptions): LivePlot {
  const { lines, range, isTime = true, isUtc = false, onCursor } = options;
  let isZoomed = false;
  let isSeen = true;
  let next: uPlot.AlignedData | undefined;
  let frame = 0;
  const sizeOf = () => ({
    width: element.clientWidth || 600,
    height: Math.max(MIN_HEIGHT, element.clientHeight || 260),
  });
  const axis = {
    font: AXIS_FONT,
    stroke: colour(element, "--muted"),
    grid: { stroke: colour(element, "--edge"), width: 1 },
    ticks: { show: false },
  };
  const plot = new uPlot(
    {
      ...sizeOf(),
      legend: { show: false },
      padding: [10, 12, 0, 0],
      scales: { x: { time: isTime }, ...(range && { y: { range: [range[0], range[1]] } }) },
      ...(isUtc && { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC") }),
      cursor: {
        // All plots show the same moment under the pointer.
        ...(isTime && { sync: { key: "time", scales: ["x", null] } }),
        points: { size: 6 },
      },
      series: [
        {},
        ...lines.map(({ label, colour: index }) => ({
          label,
          width: 1.4,
          stroke: colour(element, `--line-${index % LINE_COLOURS}`),
          points: {
            size: 5,
            show: (shown: uPlot, _line: number, from: number, to: number) =>
              shown.data[0].length < FEW_POINTS || to - from < FEW_POINTS,
          },
        })),
      ],
      axes: [
        {
          ...axis,
          size: TIME_AXIS_HEIGHT,
          space: 90,
          ...(isTime && { values: (_plot, ticks, _i, _space, step) => timeLabels(ticks, step, isUtc) }),
        },
        { ...axis, size: axisWidth },
      ],
      hooks: {
        setSelect: [({ select }) => (isZoomed = select.width > 0)],
        setCursor: [({ cursor: { idx } }) => onCursor?.(idx ?? undefined)],
      },
    },
    [[], ...lines.map(() => [])],
    element,
  );
  const unzoom = () => {
    isZoomed = false;
  };
  plot.over.addEventListener("dblclick", unzoom);

  const draw = () => {
    frame = 0;
    if (next === undefined || !isSeen) return;
    plot.setData(next, !isZoomed);
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
    show(data) {
      next = data;
      drawSoon();
    },
    destroy() {
      cancelAnimationFrame(frame);
      resizing.disconnect();
      seeing.disconnect();
      plot.destroy();
    },
  };
}

/** Formats the ticks of a time axis in 24 hours, as precisely as they are apart. @param step distance of two ticks, seconds */
function timeLabels(ticks: readonly number[], step: number, isUtc: boolean): string[] {
  return ticks.map((seconds, i) => {
    const [day, time] = dayAndTime(Math.round(seconds * 1000), isUtc);
    if (step >= 86_400) return day;
    const minutes = time.slice(0, "00:00".length);
    if (step >= 60) return i === 0 && step >= 3600 ? `${day} ${minutes}` : minutes;
    return step >= 1 ? time.slice(0, "00:00:00".length) : time;
  });
}

/** Returns the width of the value axis, so that no label is cut. */
function axisWidth(plot: uPlot, values: readonly string[] | null, axis: number, cycle: number): number {
  // A second measurement in one cycle would never end.
  if (cycle > 1) return (plot.axes[axis] as { readonly _size?: number } | undefined)?._size ?? 50;
  const longest = (values ?? []).reduce((most, { length }) => Math.max(most, length), 3);
  return longest * 6.4 + AXIS_PADDING;
}

/** Resolves a colour variable of the style sheet in the current theme. A canvas cannot resolve it. */
function colour(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
