/**
 * Worker that decodes, scales and draws images, so that this work never blocks the page. It draws at the displayed size,
 * because additional pixels slow down compositing.
 */

/** Messages of the page: first the canvas, then one image after each reply. */
export type ToPictureWorker =
  | { readonly canvas: OffscreenCanvas }
  | {
      readonly data: ArrayBuffer;
      readonly type: string;
      /** Available width in device pixels. */
      readonly maxWidth: number;
    };

/** Reply for an image: its original size; undefined if it could not be decoded. */
export type FromPictureWorker = { readonly width: number; readonly height: number } | undefined;

let context: OffscreenCanvasRenderingContext2D | undefined;

addEventListener("message", async ({ data: message }: MessageEvent<ToPictureWorker>) => {
  if ("canvas" in message) {
    context = message.canvas.getContext("2d", { alpha: false }) ?? undefined;
    return;
  }
  const reply: FromPictureWorker = await draw(message.data, message.type, message.maxWidth);
  postMessage(reply);
});

async function draw(data: ArrayBuffer, type: string, maxWidth: number): Promise<FromPictureWorker> {
  const picture = await createImageBitmap(new Blob([data], { type })).catch(() => undefined);
  if (picture === undefined || context === undefined) return undefined;
  const size = { width: picture.width, height: picture.height };
  const scale = Math.min(1, maxWidth / size.width);
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
