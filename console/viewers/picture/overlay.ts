/** Draws the shapes of detectors over a picture. */
import type { Turns } from "../../workspace/turns.ts";
import type { PictureSize } from "./picture-size.ts";
import { turnedPoint, turnedSize } from "./placement.ts";
import type { Point, Shape } from "./shapes.ts";

/** Shapes of one stream. */
export interface ShapeLayer {
  readonly shapes: readonly Shape[];
  /** Position of the stream among the overlays, which selects its colour. */
  readonly index: number;
}

/** A picture as it is displayed. */
interface DisplayedPicture {
  /** Before it was turned. */
  readonly size: PictureSize;
  readonly turns: Turns;
  /** CSS pixels per pixel of the picture. */
  readonly scale: number;
}

/** Colours of the streams. They lie on pictures, so they are the same in both themes. */
const COLOURS = [
  "#2bff88",
  "#ffb02e",
  "#5cc8ff",
  "#ff6bd6",
  "#fff04d",
  "#ff7a6b",
  "#b59bff",
  "#ffffff",
] as const;
const FONT_PIXELS = 12;
const POINT_RADIUS = 3;
/** Maximum number of pixels of a side. A zoomed picture is drawn coarser beyond. */
const MAX_WIDTH = 4096;

/** Draws layers on a canvas that lies on the picture. Labels stay upright. */
export function drawShapes(
  canvas: HTMLCanvasElement,
  picture: DisplayedPicture,
  layers: readonly ShapeLayer[],
): void {
  const turned = turnedSize(picture.size, picture.turns);
  const width = Math.round(turned.width * picture.scale);
  const height = Math.round(turned.height * picture.scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ratio = Math.min(devicePixelRatio, MAX_WIDTH / Math.max(width, height, 1));
  const context = canvas.getContext("2d");
  if (context === null) return;
  clear(context, Math.round(width * ratio), Math.round(height * ratio));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = `600 ${FONT_PIXELS}px system-ui, sans-serif`;
  for (const { shapes, index } of layers) {
    const colour = COLOURS[index % COLOURS.length] ?? COLOURS[0];
    for (const shape of shapes) drawShape(context, shape, picture, colour);
  }
}

/** Clears a canvas. It gets a size, in device pixels, only if that is new, because setting a size allocates its memory again. */
function clear(context: CanvasRenderingContext2D, width: number, height: number): void {
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  } else {
    context.resetTransform();
    context.clearRect(0, 0, width, height);
  }
}

function drawShape(
  context: CanvasRenderingContext2D,
  shape: Shape,
  { size, turns, scale }: DisplayedPicture,
  colour: string,
): void {
  const points = shape.points.map((point) => {
    const [x, y] = turnedPoint(point, size, turns);
    return [x * scale, y * scale] as const;
  });
  context.strokeStyle = colour;
  context.fillStyle = colour;
  if (shape.kind === "points") {
    for (const [x, y] of points) {
      context.beginPath();
      context.arc(x, y, POINT_RADIUS, 0, 2 * Math.PI);
      context.fill();
    }
  } else {
    context.lineWidth = 2;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.closePath();
    context.stroke();
  }
  if (shape.label === "" || points.length === 0) return;
  drawLabel(context, shape.label, labelPoint(points, turns));
}

/** Returns the first point, or the top left corner of a turned shape. */
function labelPoint(points: readonly Point[], turns: Turns): Point {
  const [first = [0, 0]] = points;
  return turns === 0 ? first : [Math.min(...points.map(([x]) => x)), Math.min(...points.map(([, y]) => y))];
}

function drawLabel(context: CanvasRenderingContext2D, label: string, [x, y]: Point): void {
  const { width } = context.measureText(label);
  const top = y > FONT_PIXELS + 5 ? y - FONT_PIXELS - 5 : y;
  context.fillRect(x - 1, top, width + 8, FONT_PIXELS + 5);
  context.fillStyle = "#06120a";
  context.fillText(label, x + 3, top + FONT_PIXELS);
}
