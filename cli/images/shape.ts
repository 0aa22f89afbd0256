/** Shape of an image in numpy notation: `[height, width]` for greyscale, or `[height, width, channels]`. */

/** Size of an image. */
export interface Shape {
  readonly height: number;
  readonly width: number;
  /** 1 is greyscale, 3 is RGB. */
  readonly channels: 1 | 3;
}

/** Maximum width and height of a JPEG (ITU T.81, B.2.2: 16 bits). */
const MAX_SIDE = 65_535;
/** Maximum number of pixels. It keeps a frame in memory and catches a mistyped zero. */
const MAX_PIXELS = 2 ** 26;

/**
 * Parses a shape in brackets, in parentheses or without either.
 *
 * @throws Error that names the invalid value
 */
export function parseShape(text: string): Shape {
  const inner = /^\s*(?:\[(.*)\]|\((.*)\)|(.*))\s*$/s.exec(text);
  const parts = (inner?.[1] ?? inner?.[2] ?? inner?.[3] ?? "").split(",").map((part) => part.trim());
  const numbers = parts.map((part) => (/^\d{1,6}$/.test(part) ? Number(part) : Number.NaN));
  const [height = Number.NaN, width = Number.NaN, channels = 1] = numbers;
  if (numbers.length < 2 || numbers.length > 3 || numbers.some(Number.isNaN)) {
    throw new Error(
      `must be [height,width] or [height,width,channels] in integers such as [700,700,3], got "${text}"`,
    );
  }
  if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE) {
    throw new Error(`must have a height and width from 1 to ${MAX_SIDE}, got ${height} and ${width}`);
  }
  if (height * width > MAX_PIXELS) {
    throw new Error(`must have at most ${MAX_PIXELS} pixels, got ${height} × ${width} = ${height * width}`);
  }
  if (channels !== 1 && channels !== 3) {
    throw new Error(`must have 1 channel (greyscale) or 3 (RGB), got ${channels}`);
  }
  return { height, width, channels };
}
