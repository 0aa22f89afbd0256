/** Strip of the time bar: a line for each visible stream, with the parts of the range in which it stores entries. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import type { ComponentChild, TargetedPointerEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { LINE_COLOURS } from "../design/line-colours.ts";
import { pageUrl } from "../page/urls.ts";
import { useResize } from "../page/use-resize.ts";
import type { Workspace } from "../workspace/workspace.ts";
import {
  DENSITY_HINT,
  type Density,
  densityPath,
  densityText,
  fillOf,
  listedKeys,
  parseDensity,
} from "./density.ts";
import type { TimeRange } from "./time-range.ts";

/** Interval at which the densities are read, ms. */
const PERIOD_MS = 4000;

interface DensityStripProps {
  readonly workspace: Workspace;
  readonly range: ReadonlySignal<TimeRange | undefined>;
  /** The slider over it. */
  readonly children: ComponentChild;
}

/** Renders the strip. It is decorative: the slider over it has the position. A tooltip has the entries under the pointer. */
export function DensityStrip({ workspace, range, children }: DensityStripProps) {
  const { layout, listing, theme, isUtc } = workspace;
  const canvas = useRef<HTMLCanvasElement>(null);
  const density = useSignal<Density | undefined>(undefined);
  // A text, so that a poll of the list changes nothing.
  const keysText = useComputed(() =>
    JSON.stringify(listedKeys(layout.panes.value, listing.streams.value)),
  ).value;
  const isDark = theme.isDark.value;
  useEffect(() => {
    const keys: readonly string[] = JSON.parse(keysText);
    const controller = new AbortController();
    const { signal } = controller;
    density.value = undefined;
    const run = async () => {
      while (!signal.aborted && keys.length > 0) {
        const { start, end } = range.peek() ?? {};
        if (start !== undefined && end !== undefined)
          density.value = (await readDensity(keys, start, end, signal)) ?? density.peek();
        await sleep(density.peek() === undefined ? PERIOD_MS / 8 : PERIOD_MS, signal).catch(() => undefined);
      }
    };
    void run();
    return () => controller.abort();
  }, [keysText]);
  const draw = () => {
    if (canvas.current !== null) drawDensity(canvas.current, density.peek(), range.peek());
  };
  useResize(canvas, draw);
  useEffect(() => {
    const stops = [density.subscribe(draw), range.subscribe(draw)];
    return () => {
      for (const stop of stops) stop();
    };
  }, [isDark]);
  const title = useSignal(DENSITY_HINT);
  const describe = ({ currentTarget, clientX, clientY }: TargetedPointerEvent<HTMLElement>) => {
    const { left, top, width, height } = currentTarget.getBoundingClientRect();
    const point = { x: (clientX - left) / width, y: (clientY - top) / height };
    title.value = densityText(density.peek(), range.peek(), point, isUtc.peek());
  };
  return (
    <div class="strip" title={title} onPointerMove={describe}>
      <div class="density" aria-hidden="true">
        <canvas ref={canvas} />
      </div>
      {children}
    </div>
  );
}

/** Reads the densities; undefined if the gateway does not return them, for example without the permission. */
async function readDensity(
  keys: readonly string[],
  start: number,
  end: number,
  signal: AbortSignal,
): Promise<Density | undefined> {
  try {
    const response = await fetch(pageUrl(densityPath(keys, start, end)), { signal });
    return response.ok ? parseDensity(await response.json()) : undefined;
  } catch {
    return undefined;
  }
}

function drawDensity(
  canvas: HTMLCanvasElement,
  density: Density | undefined,
  range: TimeRange | undefined,
): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const context = canvas.getContext("2d");
  if (context === null || density === undefined || range === undefined) return;
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const rowHeight = height / Math.max(1, density.streams.length);
  const xOf = (ms: number) => ((ms - range.start) / Math.max(1, range.end - range.start)) * width;
  density.streams.forEach(({ entries, hasGap }, row) => {
    context.fillStyle = style.getPropertyValue(`--line-${row % LINE_COLOURS}`);
    const bucketMs = (density.end - density.start) / Math.max(1, entries.length);
    fillOf(entries).forEach((fill, i) => {
      if (fill === 0) return;
      const x = xOf(density.start + i * bucketMs);
      const next = xOf(density.start + (i + 1) * bucketMs);
      context.globalAlpha = fill;
      context.fillRect(x, row * rowHeight + 1, Math.max(1, next - x), Math.max(1, rowHeight - 2));
    });
    if (!hasGap) return;
    context.globalAlpha = 1;
    context.fillStyle = style.getPropertyValue("--bad");
    context.fillRect(0, row * rowHeight, 2, rowHeight);
  });
}
