/** Records of the chunks of a file. Keeps the last chunks, because streams that are read side by side share them. */
import { crc32 } from "@foxglove/crc";
import type { McapTypes } from "@mcap/core";
import { RECORD_HEAD_BYTES, readChunkHead } from "../../wire/mcap/chunk-records.ts";
import { nativeChecksum } from "../compression.ts";
import { readLargestMessages } from "./message-sizes.ts";

/** Memory of the chunks that are kept. */
export const CACHED_CHUNK_BYTES = 32 * 1024 * 1024;

/** Chunks of one file. */
export class ChunkCache {
  readonly #file: McapTypes.IReadable;
  readonly #handlers: McapTypes.DecompressHandlers;
  /** Records by the position of their chunk, the last used ones at the end. */
  readonly #recent = new Map<bigint, Uint8Array>();
  #bytes = 0;
  /** Sizes of the largest messages, by the position of their chunk and by channel. */
  readonly #largest = new Map<bigint, ReadonlyMap<number, number>>();

  constructor(file: McapTypes.IReadable, handlers: McapTypes.DecompressHandlers) {
    this.#file = file;
    this.#handlers = handlers;
  }

  /** Returns the records of a chunk, decompressed. @throws Error if it is damaged */
  async records(chunk: McapTypes.ChunkIndex): Promise<Uint8Array> {
    const place = chunk.chunkStartOffset;
    const known = this.#recent.get(place);
    this.#recent.delete(place);
    const records = known ?? (await this.#read(chunk));
    this.#recent.set(place, records);
    if (known === undefined) this.#bytes += records.length;
    for (const [oldest, { length }] of this.#recent) {
      if (this.#bytes <= CACHED_CHUNK_BYTES || oldest === place) break;
      this.#recent.delete(oldest);
      this.#bytes -= length;
    }
    return records;
  }

  /** Returns the size of the largest message of each channel of a chunk, by its index. @throws Error if the index is damaged */
  async largestMessages(chunk: McapTypes.ChunkIndex): Promise<ReadonlyMap<number, number>> {
    const known = this.#largest.get(chunk.chunkStartOffset);
    if (known !== undefined) return known;
    const largest = await readLargestMessages(this.#file, chunk);
    this.#largest.set(chunk.chunkStartOffset, largest);
    return largest;
  }

  async #read({ chunkStartOffset, chunkLength }: McapTypes.ChunkIndex): Promise<Uint8Array> {
    const bytes = await this.#file.read(chunkStartOffset, chunkLength);
    const head = readChunkHead(bytes.subarray(RECORD_HEAD_BYTES));
    const at = `the chunk at byte ${chunkStartOffset}`;
    if (head === undefined) throw new Error(`${at} is damaged: it has no head`);
    const { compression, uncompressedSize, crc } = head;
    const stored = bytes.subarray(RECORD_HEAD_BYTES + head.bytes);
    const plain =
      compression === "" ? stored : this.#handlers[compression]?.(stored, BigInt(uncompressedSize));
    if (plain === undefined)
      throw new Error(`${at} has the unknown compression ${JSON.stringify(compression)}`);
    const found = nativeChecksum === undefined ? crc32(plain) : nativeChecksum(plain, 0);
    if (crc !== 0 && found !== crc) throw new Error(`${at} is damaged: its checksum differs`);
    return plain;
  }
}
