/** Compression of chunks: zstd, and for files of other programs also lz4. */
import * as zlib from "node:zlib";
import decompressLz4 from "@foxglove/wasm-lz4";
import { compress, decompress, isLoaded } from "@foxglove/wasm-zstd";
import type { McapTypes } from "@mcap/core";
import { type Compression, NO_COMPRESSION } from "../wire/mcap/mcap-writer.ts";

/** Names of the compressions that files can be written with. */
export const COMPRESSIONS = ["zstd", "none"] as const;

/** Name of a compression. */
export type CompressionName = (typeof COMPRESSIONS)[number];

/** Fast, and half the size of JSON. Higher levels cost more than they save. */
const LEVEL = 1;

/** The part of `node:zlib` that Node 20 does not have. */
interface NativeZstd {
  readonly zstdCompressSync?: (
    bytes: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>> },
  ) => Uint8Array;
  readonly zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array;
}
const { zstdCompressSync, zstdDecompressSync } = zlib as NativeZstd;
/** `ZSTD_c_compressionLevel`. */
const LEVEL_PARAMETER = 100;

/** Opens a compression. */
export async function openCompression(name: CompressionName): Promise<Compression> {
  if (name === "none") return NO_COMPRESSION;
  await isLoaded;
  return {
    name: "zstd",
    compress:
      zstdCompressSync === undefined
        ? (bytes) => compress(bytes, LEVEL)
        : (bytes) => zstdCompressSync(bytes, { params: { [LEVEL_PARAMETER]: LEVEL } }),
  };
}

/** Opens the decompression of all files that can be read. */
export async function openDecompression(): Promise<McapTypes.DecompressHandlers> {
  await Promise.all([isLoaded, decompressLz4.isLoaded]);
  return {
    zstd: (bytes, size) =>
      zstdDecompressSync === undefined ? decompress(bytes, Number(size)) : zstdDecompressSync(bytes),
    lz4: (bytes, size) => decompressLz4(bytes, Number(size)),
  };
}
