/** Checksums of two parts, compared with those of all bytes. */
import { crc32 } from "@foxglove/crc";
import fc from "fast-check";
import { expect, test } from "vitest";
import { combinedChecksum } from "../../../src/wire/mcap/combined-checksum.ts";

test("the checksum of two parts follows from those of both", () => {
  const part = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 1000, maxLength: 3000 }));
  fc.assert(
    fc.property(part, part, (first, second) => {
      const whole = crc32(Buffer.concat([first, second]));
      expect(combinedChecksum(crc32(first), crc32(second), second.length)).toBe(whole);
    }),
  );
});

test("parts may be as large as a chunk", () => {
  const [first, second] = [Buffer.from("a chunk"), Buffer.alloc(5_000_001, "x")];
  const whole = crc32(Buffer.concat([first, second]));
  expect(combinedChecksum(crc32(first), crc32(second), second.length)).toBe(whole);
});
