/** Axes of a plot: time below, values at the left, and at the right if a line belongs there. */
import type uPlot from "uplot";
import { dayAndTime } from "../../page/format.ts";

/** Name of the scale of the right axis. */
export const RIGHT = "right";

/** Colours and labels of the axes. */
export interface AxesOptions {
  readonly text: string;
  readonly grid: string;
  readonly isTime: boolean;
  readonly isUtc: boolean;
  /** Unit of the values; undefined without an axis at this side. */
  readonly left: string | undefined;
  readonly right: string | undefined;
}

const FONT = "11px system-ui, sans-serif";
const PADDING = 18;
/** Approximate width of a character, CSS pixels. */
const CHARACTER = 6.4;
/** Height of the time axis and of a unit, CSS pixels. */
const TIME_HEIGHT = 26;
const UNIT_HEIGHT = 16;

/** Returns the axes. */
export function axesOf({ text, grid, isTime, isUtc, left, right }: AxesOptions): uPlot.Axis[] {
  const base: uPlot.Axis = { font: FONT, stroke: text, ticks: { show: false } };
  const lines = { stroke: grid, width: 1 };
  const valueAxis = (unit: string): uPlot.Axis => ({
    ...base,
    size: axisWidth,
    ...(unit !== "" && { label: unit, labelFont: FONT, labelSize: UNIT_HEIGHT, labelGap: 0 }),
  });
  return [
    {
      ...base,
      grid: lines,
      size: TIME_HEIGHT,
      space: 90,
      ...(isTime && {
        values: (plot, ticks, _i, _space, step) => withoutCut(plot, ticks, timeLabels(ticks, step, isUtc)),
      }),
    },
    { ...valueAxis(left ?? ""), grid: lines, show: left !== undefined },
    // Two grids would cross.
    ...(right === undefined
      ? []
      : [
          {
            ...valueAxis(right),
            scale: RIGHT,
            side: 1 as const,
            grid: { ...lines, show: left === undefined },
          },
        ]),
  ];
}

/** Removes a label that would be cut at the right edge. */
function withoutCut(plot: uPlot, ticks: readonly number[], labels: readonly string[]): (string | null)[] {
  return labels.map((label, i) => {
    const middle = plot.valToPos(ticks[i] ?? 0, "x", true) / devicePixelRatio;
    return middle + (label.length * CHARACTER) / 2 > plot.width ? null : label;
  });
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

/** Returns the width of a value axis, so that no label is cut. */
function axisWidth(plot: uPlot, values: readonly string[] | null, axis: number, cycle: number): number {
  // A second measurement in one cycle would never end.
  if (cycle > 1) return (plot.axes[axis] as { readonly _size?: number } | undefined)?._size ?? 50;
  const longest = (values ?? []).reduce((max, { length }) => Math.max(max, length), 3);
  return longest * CHARACTER + PADDING;
}
