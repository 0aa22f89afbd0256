/** LZ4 frames, as the `lz4` command writes them. */
import { describe, expect, it } from "vitest";
import { decompressLz4, TooLargeError } from "../../../src/wire/mcap/lz4-frame.ts";
import { xxh32 } from "../../../src/wire/mcap/xxh32.ts";
import { bytesOfText } from "../../../src/wire/utf8.ts";

const CONTENT = Buffer.alloc(3000, "a");
/** `CONTENT`, without and with its size, with checksums of blocks, and as a block that is stored as it is. */
const FRAMES = {
  plain: "BCJNGGRApxYAAAAfYQEA//////////////+qUGFhYWFhAAAAAHAGY3A=",
  sized: "BCJNGGxAuAsAAAAAAADoFgAAAB9hAQD//////////////6pQYWFhYWEAAAAAcAZjcA==",
  blocks: "BCJNGHBArRYAAAAfYQEA//////////////+qUGFhYWFhdNzxSQAAAAA=",
};
const frame = (name: keyof typeof FRAMES) => Buffer.from(FRAMES[name], "base64");

describe("an LZ4 frame", () => {
  it.each(["plain", "sized", "blocks"] as const)("%s is decompressed up to its limit", (name) => {
    expect(CONTENT.equals(decompressLz4(frame(name), 3000))).toBe(true);
    expect(decompressLz4(frame(name), 4000)).toHaveLength(3000);
    expect(() => decompressLz4(frame(name), 2999)).toThrow(TooLargeError);
    expect(() => decompressLz4(frame(name), 0)).toThrow(TooLargeError);
  });

  it("may follow another one, and one without content", () => {
    const skipped = Buffer.from("502a4d1803000000aabbcc", "hex");
    const both = decompressLz4(Buffer.concat([frame("plain"), skipped, frame("sized")]), 6000);
    expect(Buffer.concat([CONTENT, CONTENT]).equals(both)).toBe(true);
  });

  it("is an error wherever it is cut off or changed, also before one that is whole", () => {
    const whole = frame("plain");
    for (let at = 1; at < whole.length; at++) {
      expect(() => decompressLz4(whole.subarray(0, at), 3000), `cut at ${at}`).toThrow();
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      expect(() => decompressLz4(changed, 3000), `changed at ${at}`).toThrow();
      expect(decompressLz4(whole, 3000)).toHaveLength(3000);
    }
  });
});

it.each([
  ["", 0x02cc5d05],
  ["a", 0x550d7456],
  ["a stripe of sixteen bytes, and some more", 0x4d38b4ee],
])("xxh32 of %j", (text, hash) => {
  expect(xxh32(bytesOfText(text))).toBe(hash);
});
