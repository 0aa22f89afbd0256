import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isCompressible } from "../../src/recordings/compressible.ts";

const SIZE = 4 * 1024 * 1024;
const compress = (bytes: Uint8Array): Uint8Array => deflateRawSync(bytes);
const random = (size: number) => new Uint8Array(randomBytes(size));
const text = (size: number) => new Uint8Array(Buffer.alloc(size, '{"x": 1.25, "frame": "base_link"}\n'));

describe("a chunk", () => {
  it.each([
    ["of text is compressed", text(SIZE), true],
    ["of images is stored as it is", random(SIZE), false],
    ["of images and as much text is compressed", Buffer.concat([random(SIZE / 2), text(SIZE / 2)]), true],
    ["that is small is compressed, because that costs little", random(1000), true],
  ])("%s", (_name, bytes, expected) => {
    expect(isCompressible(bytes, compress)).toBe(expected);
  });
});
