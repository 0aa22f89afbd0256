import { expect, test } from "vitest";
import { imageTypeOf } from "../../src/domain/content.ts";

test.each([
  ["image/jpeg", "ff d8 ff e0 00 10 4a 46 49 46"],
  ["image/jpeg", "ff d8 ff"],
  ["image/png", "89 50 4e 47 0d 0a 1a 0a"],
  ["image/webp", "52 49 46 46 24 00 00 00 57 45 42 50 56 50 38 4c"],
  ["image/gif", "47 49 46 38 39 61"],
  ["image/gif", "47 49 46 38 37 61"],
  [undefined, "52 49 46 46 24 00 00 00 57 41 56 45"],
  [undefined, "ff d8"],
  [undefined, "89 50 4e 47 0a"],
  [undefined, "47 49"],
  [undefined, "7b 22 74 22 3a 31 7d"],
  [undefined, "00 ff d8 ff"],
  [undefined, ""],
])("%s: %s", (type, start) => {
  expect(imageTypeOf(new Uint8Array(Buffer.from(start.replaceAll(" ", ""), "hex")))).toBe(type);
});
