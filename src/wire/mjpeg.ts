/**
 * A stream of JPEGs as `multipart/x-mixed-replace`, which an `<img>` shows as a moving picture.
 *
 * Browsers show a part when the boundary behind it arrives, so each part is followed by its closing boundary at once;
 * with the boundary before the next part, the picture would always be one frame late.
 */

const BOUNDARY = "redis-streamer-frame";

/** The response's content type. */
export const MJPEG_CONTENT_TYPE = `multipart/x-mixed-replace; boundary=${BOUNDARY}`;

/** What stands before the first part. */
export const MJPEG_START = `--${BOUNDARY}\r\n`;

/** What stands behind each picture. */
export const MJPEG_PART_END = `\r\n--${BOUNDARY}\r\n`;

/** What stands before each picture. @param id the entry id, for programs that read the parts */
export const mjpegPartStart = (contentType: string, length: number, id: string): string =>
  `Content-Type: ${contentType}\r\nContent-Length: ${length}\r\nX-Entry-Id: ${id}\r\n\r\n`;

/** The type of a picture by its first bytes: cameras send JPEG, but a browser takes the others as well. */
export function imageTypeOf(bytes: Uint8Array): string {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  if (bytes[0] === 0x52 && bytes[8] === 0x57) return "image/webp";
  return "image/jpeg";
}
