/**
 * Compression of chunks with zstd. Programs in WebAssembly use memory as soon as they are imported, so they are imported when they
 * are needed.
 */
import * as zlib from "node:zlib";
import { type Checksum, type Compression, NO_COMPRESSION } from "../wire/mcap/mcap-writer.ts";
import { isCompressible } from "./compressible.ts";

/** Names of the compressions that files can be written with. */
export const COMPRESSIONS = ["zstd", "none"] as const;

/** Name of a compression. */
export type CompressionName = (typeof COMPRESSIONS)[number];

/** Fast, and half the size of JSON. Higher levels cost more than they save. */
const LEVEL = 1;

/** Functions for writing of `node:zlib` that Node 20.12 does not have. */
interface NewZlib {
  readonly crc32?: Checksum;
  readonly zstdCompressSync?: (
    bytes: Uint8Array,
    options: { readonly params: Readonly<Record<number, number>> },
  ) => Uint8Array;
}
const { crc32, zstdCompressSync } = zlib as NewZlib;

/** CRC-32 of `node:zlib`; undefined before Node 20.15. */
export const nativeChecksum: Checksum | undefined = crc32;

/** `ZSTD_c_compressionLevel`. */
const LEVEL_PARAMETER = 100;

/** Opens a compression. */
export async function openCompression(name: CompressionName): Promise<Compression> {
  if (name === "none") return NO_COMPRESSION;
  const compress = await openZstd();
  return { name: "zstd", compress: (bytes) => (isCompressible(bytes, compress) ? compress(bytes) : bytes) };
}

async function openZstd(): Promise<(bytes: Uint8Array) => Uint8Array> {
  if (zstdCompressSync !== undefined)
    return (bytes) => ownBytes(zstdCompressSync(bytes, { params: { [LEVEL_PARAMETER]: LEVEL } }));
  const { compress, isLoaded } = await import("@foxglove/wasm-zstd");
  await isLoaded;
  return (bytes) => ownBytes(compress(bytes, LEVEL));
}

/** Returns bytes that nothing else uses: compressors may return a view of a shared buffer. */
const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
