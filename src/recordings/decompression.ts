/** Decompression of chunks: zstd, and lz4 of other programs. The output never exceeds its stated size. */
import * as zlib from "node:zlib";
import type { McapTypes } from "@mcap/core";
import { decompressLz4, TooLargeError } from "../wire/mcap/lz4-frame.ts";
import { zstdContentBytes } from "../wire/mcap/zstd-frame.ts";

/** The part of `node:zlib` that Node 20 does not have. */
interface NewZlib {
  readonly zstdDecompressSync?: (
    bytes: Uint8Array,
    options: { readonly maxOutputLength: number; readonly chunkSize: number },
  ) => Uint8Array;
}
const { zstdDecompressSync } = zlib as NewZlib;

/** Minimum of `chunkSize`. */
const MIN_OUTPUT_BYTES = 64;

/** Decompresses zstd. @throws TooLargeError, or Error if it is damaged */
type DecompressZstd = (bytes: Uint8Array, maxBytes: number) => Uint8Array;

/** Opens the decompression of all files that can be read. Its functions throw TooLargeError if the output exceeds its size. */
export async function openDecompression(): Promise<McapTypes.DecompressHandlers> {
  const decompress = await openZstd();
  return {
    zstd: (bytes, size) => {
      // The library cannot tell larger content from damage. Nearly all frames state their size.
      if ((zstdContentBytes(bytes) ?? 0n) > size) throw new TooLargeError();
      return decompress(bytes, Number(size));
    },
    lz4: (bytes, size) => decompressLz4(bytes, Number(size)),
  };
}

async function openZstd(): Promise<DecompressZstd> {
  if (zstdDecompressSync !== undefined)
    return (bytes, maxBytes) => {
      try {
        // One buffer for all output: without `chunkSize`, the pieces would be copied.
        const chunkSize = Math.max(MIN_OUTPUT_BYTES, maxBytes + 1);
        return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes), chunkSize });
      } catch (error) {
        throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? new TooLargeError() : error;
      }
    };
  const { decompress, isLoaded } = await import("@foxglove/wasm-zstd");
  await isLoaded;
  return decompress;
}
