/** Records of a chunk: decompressed, and compared with what its head states. */
import type { McapTypes } from "@mcap/core";
import { RECORD_HEAD_BYTES, readChunkHead } from "./chunk-records.ts";
import { TooLargeError } from "./lz4-frame.ts";
import { type Checksum, checksumInScript } from "./mcap-writer.ts";

/** Maximum size of a chunk that is read: twice the greatest value of Redis. */
const MAX_CHUNK_BYTES = 1024 * 1024 * 1024;

/** Means of decoding chunks. */
export interface ChunkTools {
  /** Decompressors, by the name of the compression. They throw TooLargeError if the output exceeds its size. */
  readonly handlers: McapTypes.DecompressHandlers;
  /** Computes checksums. @default in JavaScript */
  readonly checksum?: Checksum | undefined;
}

/**
 * Decompresses a chunk, with at most the memory that it states.
 *
 * @param record of the chunk, with opcode and length
 * @param offset of the record in the file
 * @param indexedBytes its size without compression, as its index states it
 * @returns its records, which may be a part of `record`
 * @throws Error if it is damaged, or larger than it states
 */
export function chunkContent(
  record: Uint8Array,
  offset: bigint,
  { handlers, checksum = checksumInScript }: ChunkTools,
  indexedBytes?: bigint,
): Uint8Array {
  const at = `the chunk at byte ${offset}`;
  const content = record.subarray(RECORD_HEAD_BYTES);
  const head = readChunkHead(content);
  if (head === undefined) throw new Error(`${at} is damaged: it has no head`);
  const { compression, uncompressedSize, compressedSize, crc } = head;
  if (indexedBytes !== undefined && Number(indexedBytes) !== uncompressedSize)
    throw new Error(`${at} is damaged: it states ${uncompressedSize} bytes, but its index ${indexedBytes}`);
  if (uncompressedSize > MAX_CHUNK_BYTES)
    throw new Error(`${at} states ${uncompressedSize} bytes; at most ${MAX_CHUNK_BYTES} can be read`);
  if (compressedSize > content.length - head.bytes)
    throw new Error(`${at} is damaged: its records are longer than the chunk`);
  const stored = content.subarray(head.bytes, head.bytes + compressedSize);
  const plain = decompressed(stored, compression, uncompressedSize, at, handlers);
  if (plain.length !== uncompressedSize)
    throw new Error(`${at} is ${plain.length > uncompressedSize ? "larger" : "smaller"} than it states`);
  if (crc !== 0 && checksum(plain, 0) !== crc) throw new Error(`${at} is damaged: its checksum differs`);
  return plain;
}

function decompressed(
  stored: Uint8Array,
  compression: string,
  bytes: number,
  at: string,
  handlers: McapTypes.DecompressHandlers,
): Uint8Array {
  // Some writers do not compress what is empty.
  if (compression === "" || stored.length === 0) return stored;
  const decompress = handlers[compression];
  if (decompress === undefined)
    throw new Error(`${at} has the unknown compression ${JSON.stringify(compression)}`);
  try {
    return decompress(stored, BigInt(bytes));
  } catch (error) {
    if (error instanceof TooLargeError) throw new Error(`${at} is larger than it states`);
    throw new Error(`${at} is damaged, or larger than it states: ${(error as Error).message}`);
  }
}
