/** Draws the shapes of detectors over an image. */
import type { ImageSize } from "./image-size.ts";
import type { Shape } from "./shapes.ts";

/** Shapes of one stream. */
export interface ShapeLayer {
  readonly shapes: readonly Shape[];
  /** Position of the stream among the overlays, which selects its colour. */
  readonly index: number;
}

/** Number of box colours in `image-view.css`. */
const COLOURS = 8;
const FONT_PIXELS = 12;
const POINT_RADIUS = 3;
/** Maximum number of pixels of a side. A zoomed image is drawn coarser beyond. */
const MAX_WIDTH = 4096;

/** Draws layers on a canvas that lies on the image. @param scale CSS pixels per pixel of the image */
export function drawShapes(
  canvas: HTMLCanvasElement,
  image: ImageSize,
  scale: number,
  layers: readonly ShapeLayer[],
): void {
  const width = Math.round(image.width * scale);
  const height = Math.round(image.height * scale);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ratio = Math.min(devicePixelRatio, MAX_WIDTH / Math.max(width, height, 1));
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(ratio, ratio);
  context.font = `600 ${FONT_PIXELS}px system-ui, sans-serif`;
  const style = getComputedStyle(canvas);
  for (const { shapes, index } of layers) {
    const colour = style.getPropertyValue(`--box-${index % COLOURS}`) || "#00e05a";
    for (const shape of shapes) drawShape(context, shape, scale, colour);
  }
}

function drawShape(context: CanvasRenderingContext2D, shape: Shape, scale: number, colour: string): void {
  const points = shape.points.map(([x, y]) => [x * scale, y * scale] as const);
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
  const [first] = points;
  if (shape.label === "" || first === undefined) return;
  const [x, y] = first;
  const { width } = context.measureText(shape.label);
  const top = y > FONT_PIXELS + 5 ? y - FONT_PIXELS - 5 : y;
  context.fillRect(x - 1, top, width + 8, FONT_PIXELS + 5);
  context.fillStyle = "#06120a";
  context.fillText(shape.label, x + 3, top + FONT_PIXELS);
}
