/**
 * Draws a track on a canvas: the path, its start, the newest position or the axes of the newest pose, the place at the shared
 * cursor, a scale bar and north.
 */
import { resolvedColour } from "../../design/resolved-colour.ts";
import type { DrawnTrack } from "./drawn-track.ts";
import { type Point, scaleBar } from "./projection.ts";

const PADDING = 28;
/** Longest scale bar, as a part of the width. */
const BAR_PART = 0.3;
const FONT = "11px system-ui, sans-serif";

/** Length of the axes of a pose, CSS pixels. */
const AXIS = 26;

/** Draws a track into a canvas that fills its parent. */
export function drawTrack(
  canvas: HTMLCanvasElement,
  { track, yaw, marked }: Pick<DrawnTrack, "track" | "yaw" | "marked">,
): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const context = canvas.getContext("2d");
  if (context === null || track === undefined) return;
  context.scale(devicePixelRatio, devicePixelRatio);
  const colour = (name: string) => resolvedColour(canvas, name);
  const scale = Math.min(
    Math.max(1, width - 2 * PADDING) / track.width,
    Math.max(1, height - 2 * PADDING) / track.height,
  );
  const at = ([x, y]: Point): Point => [width / 2 + x * scale, height / 2 - y * scale];
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.strokeStyle = colour("--line-0");
  for (const path of track.paths) {
    context.beginPath();
    for (const point of path) context.lineTo(...at(point));
    context.stroke();
  }
  const start = track.paths[0]?.[0];
  const newest = track.paths.at(-1)?.at(-1);
  if (start !== undefined) drawDot(context, at(start), 4, colour("--surface"), colour("--line-0"));
  if (newest !== undefined) drawDot(context, at(newest), 7, colour("--line-1"), colour("--surface"));
  if (newest !== undefined && yaw !== undefined) {
    drawAxis(context, at(newest), yaw, colour("--line-4"));
    drawAxis(context, at(newest), yaw + Math.PI / 2, colour("--line-2"));
  }
  if (marked !== undefined) drawDot(context, at(marked), 5, colour("--text"), colour("--surface"));
  drawScale(context, height, scaleBar((width * BAR_PART) / scale), scale, colour("--muted"));
  if (yaw === undefined) context.fillText("N ↑", width - PADDING, PADDING - 10);
}

/** Draws an axis of a pose: x in red, y in green. */
function drawAxis(context: CanvasRenderingContext2D, [x, y]: Point, yaw: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + AXIS * Math.cos(yaw), y - AXIS * Math.sin(yaw));
  context.stroke();
  context.lineWidth = 2;
}

function drawDot(
  context: CanvasRenderingContext2D,
  [x, y]: Point,
  radius: number,
  fill: string,
  stroke: string,
): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.strokeStyle = stroke;
  context.fill();
  context.stroke();
}

function drawScale(
  context: CanvasRenderingContext2D,
  height: number,
  { metres, text }: ReturnType<typeof scaleBar>,
  scale: number,
  colour: string,
): void {
  const [left, bottom] = [10, height - 10];
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.font = FONT;
  context.beginPath();
  context.moveTo(left, bottom - 5);
  context.lineTo(left, bottom);
  context.lineTo(left + metres * scale, bottom);
  context.lineTo(left + metres * scale, bottom - 5);
  context.stroke();
  context.fillText(text, left + 4, bottom - 5);
}
