import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseShape } from "../../../cli/images/shape.ts";

describe("a shape", () => {
  test.each([
    ["[700,700,3]", { height: 700, width: 700, channels: 3 }],
    ["[400,200]", { height: 400, width: 200, channels: 1 }],
    ["(400, 200, 1)", { height: 400, width: 200, channels: 1 }],
    ["  [ 1 , 2 ,3 ] ", { height: 1, width: 2, channels: 3 }],
    ["480,640", { height: 480, width: 640, channels: 1 }],
  ])("parses %s to height, width and channels", (text, shape) => {
    expect(parseShape(text)).toEqual(shape);
  });

  test.each([
    ["", "[height,width]"],
    ["[]", "[height,width]"],
    ["[700]", "[height,width]"],
    ["[1,2,3,4]", "[height,width]"],
    ["[700,700,3", "[height,width]"],
    ["[700,700,)", "[height,width]"],
    ["[a,b]", "in integers"],
    ["[1.5,2]", "in integers"],
    ["[-1,2]", "in integers"],
    ["[1e3,2]", "in integers"],
    ["[0,5]", "from 1 to 65535"],
    ["[5,65536]", "from 1 to 65535"],
    ["[65535,65535,3]", "at most 67108864 pixels"],
    ["[700,700,4]", "1 channel (greyscale) or 3 (RGB)"],
    ["[700,700,2]", "got 2"],
  ])("rejects %j and names what is allowed: %s", (text, allowed) => {
    expect(() => parseShape(text)).toThrow(allowed);
  });

  test("property: parses any text to a shape that can be drawn, or throws an error message", () => {
    const typed = fc.oneof(
      fc.string(),
      fc.array(fc.integer({ min: -2, max: 70_000 }), { maxLength: 5 }).map((sides) => JSON.stringify(sides)),
    );
    fc.assert(
      fc.property(typed, (text) => {
        let shape: ReturnType<typeof parseShape>;
        try {
          shape = parseShape(text);
        } catch (error) {
          expect((error as Error).message).toMatch(/^must .+ got /s);
          return;
        }
        const { height, width, channels } = shape;
        expect([1, 3]).toContain(channels);
        expect(Math.min(height, width)).toBeGreaterThanOrEqual(1);
        expect(Math.max(height, width)).toBeLessThanOrEqual(65_535);
        expect(height * width).toBeLessThanOrEqual(2 ** 26);
      }),
    );
  });
});
