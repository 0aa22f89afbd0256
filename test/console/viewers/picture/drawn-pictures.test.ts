/** Text about the drawn pictures of a viewer. */
import { expect, test } from "vitest";
import { DrawnPictures } from "../../../../console/viewers/picture/drawn-pictures.ts";

test("shows no rate for a single picture of the past", () => {
  const drawn = new DrawnPictures();
  expect(drawn.describe("320 × 240", false, undefined)).toBe("320 × 240");
  drawn.add(0);
  expect(drawn.describe("320 × 240", false, undefined)).toBe("320 × 240");
  expect(drawn.describe("320 × 240", true, 0)).toMatch(/^320 × 240, 1 fps, latency .+, 0 skipped$/);
});
