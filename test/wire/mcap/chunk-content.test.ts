/** Chunks that do not have what they state. */
import { McapRecordBuilder } from "@mcap/core";
import { beforeAll, describe, expect, it } from "vitest";
import { openDecompression } from "../../../src/recordings/decompression.ts";
import { type ChunkTools, chunkContent } from "../../../src/wire/mcap/chunk-content.ts";
import { checksumInScript } from "../../../src/wire/mcap/mcap-writer.ts";

const CONTENT = Buffer.alloc(3000, "a");
/** `CONTENT` by compression. One zstd frame states its size, the other one does not. */
const COMPRESSED = {
  lz4: Buffer.from("BCJNGGRApxYAAAAfYQEA//////////////+qUGFhYWFhAAAAAHAGY3A=", "base64"),
  zstd: Buffer.from("28b52ffd60b80a4d00001061610100b3f30116", "hex"),
  "zstd without size": Buffer.from("28b52ffd00584d00001061610100b3f30116", "hex"),
  "": CONTENT,
} as const;
type Name = keyof typeof COMPRESSED;
const NAMES = Object.keys(COMPRESSED) as Name[];

function chunk(name: Name, changes: { size?: bigint; crc?: number; compression?: string } = {}): Uint8Array {
  const builder = new McapRecordBuilder();
  builder.writeChunk({
    ...{ messageStartTime: 1n, messageEndTime: 2n, records: COMPRESSED[name] },
    uncompressedSize: changes.size ?? 3000n,
    uncompressedCrc: changes.crc ?? checksumInScript(CONTENT, 0),
    compression: changes.compression ?? name.slice(0, 4),
  });
  return builder.buffer.slice();
}

let tools: ChunkTools;
beforeAll(async () => {
  tools = { handlers: await openDecompression() };
});

describe.each(NAMES)("a chunk with compression %j", (name) => {
  it("has its records", () => {
    expect(CONTENT.equals(chunkContent(chunk(name), 7n, tools, 3000n))).toBe(true);
    expect(chunkContent(chunk(name, { crc: 0 }), 7n, tools)).toHaveLength(3000);
  });

  it.each([0n, 10n, 2999n])("that states %d bytes is larger than that", (size) => {
    const larger = /^the chunk at byte 7 is (damaged, or )?larger than it states/;
    expect(() => chunkContent(chunk(name, { size, crc: 0 }), 7n, tools)).toThrow(larger);
  });

  it("that states more bytes is smaller", () => {
    expect(() => chunkContent(chunk(name, { size: 3001n }), 7n, tools)).toThrow(
      "the chunk at byte 7 is smaller than it states",
    );
  });

  it("that has another checksum is damaged", () => {
    expect(() => chunkContent(chunk(name, { crc: 1 }), 7n, tools)).toThrow("its checksum differs");
  });

  it("that states an impossible size needs no memory", () => {
    for (const size of [2n ** 31n, 2n ** 53n, 2n ** 64n - 1n])
      expect(() => chunkContent(chunk(name, { size }), 7n, tools)).toThrow("at most 1073741824 can be read");
  });
});

describe("a chunk", () => {
  it.each(["lz4", "zstd"] as const)("with a size in its %s frame is compared with it", (name) => {
    expect(() => chunkContent(chunk(name, { size: 10n }), 7n, tools)).toThrow(
      /^the chunk at byte 7 is larger than it states$/,
    );
  });

  it("that its index states otherwise is damaged", () => {
    expect(() => chunkContent(chunk("zstd"), 7n, tools, 10n)).toThrow(
      "it states 3000 bytes, but its index 10",
    );
  });

  it("whose records are longer than the chunk, or whose head is cut off, is damaged", () => {
    const whole = chunk("");
    expect(() => chunkContent(whole.subarray(0, -1), 7n, tools)).toThrow(
      "its records are longer than the chunk",
    );
    expect(() => chunkContent(whole.subarray(0, 40), 7n, tools)).toThrow("it has no head");
  });

  it("of an unknown compression cannot be read", () => {
    expect(() => chunkContent(chunk("", { compression: "br" }), 7n, tools)).toThrow(
      'unknown compression "br"',
    );
  });
});
