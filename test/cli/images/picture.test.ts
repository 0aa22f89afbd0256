import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { createJpegEncoder } from "../../../cli/images/jpeg.ts";
import { jpegSize } from "../../../cli/images/jpeg-size.ts";
import { createPicture } from "../../../cli/images/picture.ts";
import type { Shape } from "../../../cli/images/shape.ts";

const noNoise = () => 0;
const colour: Shape = { height: 120, width: 160, channels: 3 };

/** Returns the mean position of the bright pixels, which is the center of the disc. */
function centreOfDisc(pixels: Uint8Array, width: number): { x: number; y: number } {
  let [count, sumX, sumY] = [0, 0, 0];
  pixels.forEach((value, at) => {
    if (value < 230) return;
    count++;
    sumX += at % width;
    sumY += Math.floor(at / width);
  });
  return { x: sumX / count, y: sumY / count };
}

describe("the picture", () => {
  test("moves: the disc circles and the background scrolls", () => {
    const grey: Shape = { height: 200, width: 200, channels: 1 };
    const picture = createPicture(grey, noNoise);
    const right = picture.draw(0).slice();
    const bottom = picture.draw(30).slice();
    const left = picture.draw(60).slice();
    expect(centreOfDisc(right, 200).x).toBeGreaterThan(150);
    expect(centreOfDisc(bottom, 200).y).toBeGreaterThan(150);
    expect(centreOfDisc(left, 200).x).toBeLessThan(50);
    expect(right.subarray(0, 200)).not.toEqual(bottom.subarray(0, 200));
  });

  test("has noise, so that two drawings of a frame differ", () => {
    const picture = createPicture(colour, Math.random);
    const first = picture.draw(7).slice();
    expect(picture.draw(7)).not.toEqual(first);
  });

  test.each([
    { height: 1, width: 1, channels: 1 } as const,
    { height: 1, width: 300, channels: 3 } as const,
    { height: 300, width: 2, channels: 1 } as const,
    colour,
  ])("encodes to a JPEG of its size: %o", async (shape) => {
    const encode = await createJpegEncoder(shape);
    const jpeg = await encode(createPicture(shape, Math.random).draw(3));
    expect(jpegSize(jpeg)).toEqual({ height: shape.height, width: shape.width });
    const decoded = await sharp(jpeg).metadata();
    expect(decoded).toMatchObject({ format: "jpeg", channels: shape.channels, width: shape.width });
  });
});
