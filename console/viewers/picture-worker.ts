/**
 * Draws pictures in a thread of its own, so that decoding and scaling them never holds up the page: at the size in
 * which they are seen, since every pixel beyond is work for whoever puts the page together.
 */

/** What the page sends: once where to draw, then pictures, each when the last was answered. */
export type ToPictureWorker =
  | { readonly canvas: OffscreenCanvas }
  | {
      readonly data: ArrayBuffer;
      readonly type: string;
      /** The width there is for it, in the screen's pixels. */
      readonly mostWidth: number;
    };

/** What became of a picture: its own size; undefined where it could not be decoded. */
export type FromPictureWorker = { readonly width: number; readonly height: number } | undefined;

let context: OffscreenCanvasRenderingContext2D | undefined;

addEventListener("message", async ({ data: told }: MessageEvent<ToPictureWorker>) => {
  if ("canvas" in told) {
    context = told.canvas.getContext("2d", { alpha: false }) ?? undefined;
    return;
  }
  const answer: FromPictureWorker = await draw(told.data, told.type, told.mostWidth);
  postMessage(answer);
});

async function draw(data: ArrayBuffer, type: string, mostWidth: number): Promise<FromPictureWorker> {
  const picture = await createImageBitmap(new Blob([data], { type })).catch(() => undefined);
  if (picture === undefined || context === undefined) return undefined;
  const size = { width: picture.width, height: picture.height };
  const scale = Math.min(1, mostWidth / size.width);
  const width = Math.max(1, Math.round(size.width * scale));
  const height = Math.max(1, Math.round(size.height * scale));
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.drawImage(picture, 0, 0, width, height);
  picture.close();
  return size;
}
