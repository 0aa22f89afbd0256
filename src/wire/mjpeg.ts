/**
 * A stream of pictures as `multipart/x-mixed-replace`, which an `<img>` shows as a moving picture.
 *
 *     --boundary            the response's start
 *     Content-Type: …
 *
 *     picture
 *     --boundary            right behind each picture, and with it
 *     Content-Type: …
 *
 * Chromium shows a picture when the headers of the next part have come, other browsers when the boundary has. So both
 * follow each picture at once, before there is a next one; sent with the next one, the picture would always be one frame
 * late. That is why a part has neither a length nor an id, and why its type is a guess: that of the picture before. Browsers
 * look at the bytes anyway.
 */

/** How one response, or all of a server, write pictures. */
export interface MjpegForm {
  /** The response's content type. */
  readonly contentType: string;
  /** What stands before the first picture. */
  readonly start: string;
  /** What stands behind a picture. @param type its content type */
  end(type: string): string;
}

/** Makes the form with a boundary that no picture contains, so a random one. @param boundary RFC 2046, section 5.1.1 */
export function mjpegForm(boundary: string): MjpegForm {
  const head = (type: string) => `--${boundary}\r\nContent-Type: ${type}\r\n\r\n`;
  return {
    contentType: `multipart/x-mixed-replace; boundary=${boundary}`,
    start: head("image/jpeg"),
    end: (type) => `\r\n${head(type)}`,
  };
}

/** The type of a picture by its first bytes: cameras send JPEG, but a browser takes the others as well. */
export function imageTypeOf(bytes: Uint8Array): string {
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  if (bytes[0] === 0x52 && bytes[8] === 0x57) return "image/webp";
  return "image/jpeg";
}
