/**
 * A stream of pictures as `multipart/x-mixed-replace` (RFC 2046, section 5.1), in two forms.
 *
 * With lengths, for programs. A parser that knows the length does not search the picture for a boundary:
 *
 *     --boundary                         the start of the response
 *     Content-Type: image/jpeg           when there is a picture
 *     Content-Length: 20480
 *
 *     picture
 *     --boundary                         right after each picture
 *
 * Prompt, for browsers. Chromium shows a picture when the headers of the next part have arrived, so they follow each
 * picture at once, before there is a next one. They cannot state its length, and its type is a guess, which browsers
 * ignore: they look at the bytes. With lengths, Chromium would show each picture when the next one arrives.
 */

/** The bytes around pictures, in one of the forms. */
export interface MjpegForm {
  /** Precedes the first picture's `before`. */
  readonly start: string;
  /** Precedes a picture. */
  before(type: string, bytes: number): string;
  /** Follows a picture at once. */
  after(type: string): string;
}

/** The content type of the response. @param boundary must not occur in a picture, so it is random */
export const mjpegType = (boundary: string): string => `multipart/x-mixed-replace; boundary=${boundary}`;

/** The form whose parts have lengths. */
export const formWithLengths = (boundary: string): MjpegForm => ({
  start: `--${boundary}\r\n`,
  before: (type, bytes) => `Content-Type: ${type}\r\nContent-Length: ${bytes}\r\n\r\n`,
  after: () => `\r\n--${boundary}\r\n`,
});

/** The form that browsers show without delay. */
export function promptForm(boundary: string): MjpegForm {
  const head = (type: string) => `--${boundary}\r\nContent-Type: ${type}\r\n\r\n`;
  return { start: head("image/jpeg"), before: () => "", after: (type) => `\r\n${head(type)}` };
}
