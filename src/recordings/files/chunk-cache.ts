/** Records of the chunks of files. Keeps the last chunks, because streams that are read side by side share them. */
import { crc32 } from "@foxglove/crc";
import type { McapTypes } from "@mcap/core";
import { RECORD_HEAD_BYTES, readChunkHead } from "../../wire/mcap/chunk-records.ts";
import { nativeChecksum } from "../compression.ts";
import { checkIndex, readLargestMessages } from "./message-indexes.ts";

/** Size of the chunks that are kept. */
export const CACHED_CHUNK_BYTES = 32 * 1024 * 1024;

/** The last chunks of all files that are read together. */
export class ChunkMemory {
  /** Records by the index of their chunk, the last used ones at the end. */
  readonly #recent = new Map<McapTypes.ChunkIndex, Uint8Array>();
  #bytes = 0;

  /** Returns the records of a chunk, which are read if they are not kept. @throws Error of `read` */
  async records(chunk: McapTypes.ChunkIndex, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#recent.get(chunk);
    if (known !== undefined) {
      this.#recent.delete(chunk);
      this.#recent.set(chunk, known);
      return known;
    }
    // Before it is read, so that a large chunk needs no memory besides its own.
    this.#evict(CACHED_CHUNK_BYTES - Number(chunk.uncompressedSize));
    const records = await read();
    this.#recent.set(chunk, records);
    this.#bytes += records.length;
    return records;
  }

  /** Removes the chunks that were used least recently, until those that are left have at most a size. */
  #evict(maxBytes: number): void {
    for (const [oldest, { length }] of this.#recent) {
      if (this.#bytes <= maxBytes) return;
      this.#recent.delete(oldest);
      this.#bytes -= length;
    }
  }
}

/** Chunks of one file. */
export class ChunkCache {
  readonly #file: McapTypes.IReadable;
  readonly #handlers: McapTypes.DecompressHandlers;
  /** Memory of its chunks, which other files may share. */
  readonly memory: ChunkMemory;
  /** Sizes of the largest messages by channel. */
  readonly #largest = new Map<McapTypes.ChunkIndex, ReadonlyMap<number, number>>();

  constructor(file: McapTypes.IReadable, handlers: McapTypes.DecompressHandlers, memory: ChunkMemory) {
    this.#file = file;
    this.#handlers = handlers;
    this.memory = memory;
  }

  /** Returns the records of a chunk, decompressed. @throws Error if it is damaged */
  records(chunk: McapTypes.ChunkIndex): Promise<Uint8Array> {
    return this.memory.records(chunk, () => this.#read(chunk));
  }

  /** Reads a chunk that is not kept, and compares it with its index. @throws Error if one of them is damaged */
  async check(chunk: McapTypes.ChunkIndex): Promise<Uint8Array> {
    const records = await this.#read(chunk);
    await checkIndex(this.#file, chunk, records);
    return records;
  }

  /** Returns the size of the largest message of each channel of a chunk, by its index. @throws Error if the index is damaged */
  async largestMessages(chunk: McapTypes.ChunkIndex): Promise<ReadonlyMap<number, number>> {
    const known = this.#largest.get(chunk);
    if (known !== undefined) return known;
    const largest = await readLargestMessages(this.#file, chunk);
    this.#largest.set(chunk, largest);
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
