/** Wrapper of uPlot: uses the page's colours, fits the width of its element, and draws at most once per frame. */
import uPlot from "uplot";

/** A plot. */
export interface LivePlot {
  /** Draws data in the next frame if the plot is visible. */
  show(data: uPlot.AlignedData): void;
  /** Width in CSS pixels. */
  readonly width: number;
  destroy(): void;
}

/** Options of a plot. */
export interface LivePlotOptions {
  readonly labels: readonly string[];
  readonly height: number;
  /** Fixed range of the values. */
  readonly range?: readonly [least: number, most: number];
  /** Whether x values are Unix times in seconds. @default true */
  readonly isTime?: boolean;
  /** Whether to display the values at the cursor. @default true */
  readonly legend?: boolean;
}

/** Number of line colours in the style sheet. */
const COLOURS = 6;

/** Creates a plot in an element. Drag to zoom in, double-click to zoom out. */
export function createLivePlot(element: HTMLElement, options: LivePlotOptions): LivePlot {
  const { labels, height, range, isTime = true, legend = true } = options;
  let isZoomed = false;
  let isSeen = true;
  let next: uPlot.AlignedData | undefined;
  let frame = 0;
  const axis = {
    stroke: colour(element, "--text"),
    grid: { stroke: colour(element, "--edge"), width: 1 },
    ticks: { stroke: colour(element, "--edge"), width: 1 },
  };
  const plot = new uPlot(
    {
      width: element.clientWidth || 600,
      height,
      legend: { show: legend },
      scales: { x: { time: isTime }, ...(range && { y: { range: [range[0], range[1]] } }) },
      series: [
        {},
        ...labels.map((label, i) => ({
          label,
          stroke: colour(element, `--line-${i % COLOURS}`),
          points: { show: false },
        })),
      ],
      axes: [axis, axis],
      hooks: { setSelect: [({ select }) => (isZoomed = select.width > 0)] },
    },
    [[], ...labels.map(() => [])],
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
    if (element.clientWidth !== plot.width) plot.setSize({ width: element.clientWidth, height });
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
    get width() {
      return plot.width;
    },
    destroy() {
      cancelAnimationFrame(frame);
      resizing.disconnect();
      seeing.disconnect();
      plot.destroy();
    },
  };
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
