/** The shape of a picture as numpy writes it: `[height, width]` is greyscale, `[height, width, channels]` says how many. */

/** A picture's size. */
export interface Shape {
  readonly height: number;
  readonly width: number;
  /** 1 is greyscale, 3 is RGB. */
  readonly channels: 1 | 3;
}

/** Largest side of a JPEG (ITU T.81, B.2.2: sizes are 16 bits). */
const MOST_PIXELS_A_SIDE = 65_535;
/** Most pixels altogether: a frame of them fits memory easily, and a mistyped zero is told. */
const MOST_PIXELS = 2 ** 26;

/**
 * Reads a shape, in brackets, parentheses or neither.
 *
 * @throws Error with a sentence that says what is wrong
 */
export function parseShape(text: string): Shape {
  const inner = /^\s*(?:\[(.*)\]|\((.*)\)|(.*))\s*$/s.exec(text);
  const parts = (inner?.[1] ?? inner?.[2] ?? inner?.[3] ?? "").split(",").map((part) => part.trim());
  const numbers = parts.map((part) => (/^\d{1,6}$/.test(part) ? Number(part) : Number.NaN));
  const [height = Number.NaN, width = Number.NaN, channels = 1] = numbers;
  if (numbers.length < 2 || numbers.length > 3 || numbers.some(Number.isNaN)) {
    throw new Error(
      `wants [height,width] or [height,width,channels] in whole numbers, such as [700,700,3], not "${text}"`,
    );
  }
  if (height < 1 || width < 1 || height > MOST_PIXELS_A_SIDE || width > MOST_PIXELS_A_SIDE) {
    throw new Error(`wants a height and a width from 1 to ${MOST_PIXELS_A_SIDE}, not ${height} and ${width}`);
  }
  if (height * width > MOST_PIXELS) {
    throw new Error(`wants at most ${MOST_PIXELS} pixels, not ${height} × ${width} = ${height * width}`);
  }
  if (channels !== 1 && channels !== 3) {
    throw new Error(`wants 1 channel (greyscale) or 3 (RGB), which is what a JPEG holds, not ${channels}`);
  }
  return { height, width, channels };
}
