/** Camera of the demo rover: draws the scene, and reports the box of the car that drives ahead. */
import { encodePng } from "./png.ts";
import type { Motion } from "./rover.ts";

const WIDTH = 480;
const HEIGHT = 270;
/** Colours, by the positions that `colourAt` returns. */
const PALETTE = [0x8ec5e8, 0xffe08a, 0x7f93a8, 0x5c8a4a, 0x547f44, 0x4a4e54, 0xf4f4f4, 0xc85a3c, 0x2b2f36];
const [SKY, SUN, HILLS, GRASS, MOWN, ROAD, MARK, CAR, GLASS] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;

/** A rectangle in pixels from the middle of an upright picture. */
interface Car {
  readonly x: number;
  readonly y: number;
  readonly halfWidth: number;
  readonly halfHeight: number;
}

function carAt({ seconds }: Motion): Car {
  const size = 62 + 16 * Math.sin(seconds / 3);
  return { x: 26 * Math.sin(seconds / 2), y: 0.55 * size + 8, halfWidth: size / 2, halfHeight: size / 3 };
}

/** Draws a frame as PNG. */
export function frameOf(motion: Motion): Uint8Array {
  const { roll, distance } = motion;
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  const car = carAt(motion);
  const pixels = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at++) {
      const [dx, dy] = [x - WIDTH / 2, y - HEIGHT / 2];
      const [u, v] = [dx * cos + dy * sin, dy * cos - dx * sin];
      pixels[at] = carColour(u - car.x, v - car.y, car) ?? colourAt(u, v, distance);
    }
  }
  return encodePng(WIDTH, HEIGHT, PALETTE, pixels);
}

/** Returns the box of the car as a detector does. */
export function boxesOf(motion: Motion) {
  const { roll, seconds } = motion;
  const car = carAt(motion);
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  const [x, y] = [car.x * cos - car.y * sin, car.x * sin + car.y * cos];
  const halfWidth = car.halfWidth * Math.abs(cos) + car.halfHeight * Math.abs(sin);
  const halfHeight = car.halfWidth * Math.abs(sin) + car.halfHeight * Math.abs(cos);
  const box = {
    x: Math.round(WIDTH / 2 + x - halfWidth),
    y: Math.round(HEIGHT / 2 + y - halfHeight),
    width: Math.round(2 * halfWidth),
    height: Math.round(2 * halfHeight),
  };
  return { boxes: [{ ...box, label: "car", score: Math.round(93 + 4 * Math.sin(seconds)) / 100 }] };
}

/** Returns the colour at a point of the car, relative to its centre; undefined beside it. */
function carColour(u: number, v: number, { halfWidth, halfHeight }: Car): number | undefined {
  if (Math.abs(u) > halfWidth || Math.abs(v) > halfHeight) return undefined;
  const isWheel = v > 0.7 * halfHeight && Math.abs(u) > 0.6 * halfWidth;
  const isGlass = v < -0.2 * halfHeight && v > -0.8 * halfHeight && Math.abs(u) < 0.75 * halfWidth;
  return isWheel || isGlass ? GLASS : CAR;
}

/** Returns the colour behind the car. @param v pixels below the horizon */
function colourAt(u: number, v: number, distance: number): number {
  if (v < 0) {
    if ((u - 150) ** 2 + (v + 80) ** 2 < 22 ** 2) return SUN;
    return v > -26 - 12 * Math.sin(u / 47) - 6 * Math.sin(u / 19) ? HILLS : SKY;
  }
  const depth = 900 / (v + 6);
  const isOdd = Math.floor((depth + distance * 6) / 9) % 2 === 0;
  const half = 10 + 1.1 * v;
  if (Math.abs(u) > half) return isOdd ? GRASS : MOWN;
  return Math.abs(u) < half / 24 && isOdd ? MARK : ROAD;
}
