/**
 * Encoder of image streams as `multipart/x-mixed-replace` (RFC 2046, section 5.1), in two forms.
 *
 * With lengths, for programs. A parser that knows the length does not search the image for a boundary:
 *
 *     --boundary                         the start of the response
 *     Content-Type: image/jpeg           with each image
 *     Content-Length: 20480
 *
 *     image
 *     --boundary                         right after each image
 *
 * Prompt, for browsers. Chromium displays an image when the headers of the next part arrive, so those headers are sent
 * right after each image, before the next one exists. They cannot state its length, and its type is a guess; browsers
 * ignore it and inspect the bytes. With lengths, Chromium would display each image only when the next one arrives.
 */

/** The text around images, in one of the forms. */
export interface MjpegForm {
  /** Start of the response. */
  readonly start: string;
  /** Text before an image. */
  before(type: string, bytes: number): string;
  /** Text right after an image. */
  after(type: string): string;
}

/** Returns the content type of the response. @param boundary must not occur in an image, so it is random */
export const mjpegType = (boundary: string): string => `multipart/x-mixed-replace; boundary=${boundary}`;

/** Creates the form with lengths. */
export const formWithLengths = (boundary: string): MjpegForm => ({
  start: `--${boundary}\r\n`,
  before: (type, bytes) => `Content-Type: ${type}\r\nContent-Length: ${bytes}\r\n\r\n`,
  after: () => `\r\n--${boundary}\r\n`,
});

/** Creates the prompt form, which browsers display without delay. */
export function promptForm(boundary: string): MjpegForm {
  const head = (type: string) => `--${boundary}\r\nContent-Type: ${type}\r\n\r\n`;
  return { start: head("image/jpeg"), before: () => "", after: (type) => `\r\n${head(type)}` };
}
