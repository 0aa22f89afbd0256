/** Parts of a tar file (POSIX.1-1988, "ustar"), which can be written as a stream. */

const BLOCK = 512;
/** Octal digits of a size. A space or NUL terminates the field. */
const SIZE_DIGITS = 11;

/** Returns the header of a file. @param timeMs modification time, Unix ms @throws Error if the name is longer than 100 bytes */
export function tarHeader(name: string, size: number, timeMs: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK);
  const write = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  if (new TextEncoder().encode(name).length > 100)
    throw new Error(`a file name in a tar file must be at most 100 bytes, got "${name}"`);
  write(0, name);
  write(100, octal(0o644, 7));
  write(108, octal(0, 7));
  write(116, octal(0, 7));
  write(124, octal(size, SIZE_DIGITS));
  write(136, octal(Math.floor(timeMs / 1000), SIZE_DIGITS));
  // The checksum is computed with spaces in the checksum field.
  write(148, " ".repeat(8));
  write(156, "0");
  write(257, "ustar\0");
  write(263, "00");
  const sum = header.reduce((all, byte) => all + byte, 0);
  write(148, `${octal(sum, 6)}\0 `);
  return header;
}

/** Returns the padding after a file's last block. */
export const tarPadding = (size: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** Returns the end of the archive. */
export const tarEnd = (): Uint8Array<ArrayBuffer> => new Uint8Array(2 * BLOCK);
