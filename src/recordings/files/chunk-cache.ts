/** Records of the chunks of files. Keeps the last chunks, because streams that are read side by side share them. */
import type { McapTypes } from "@mcap/core";
import { chunkContent } from "../../wire/mcap/chunk-content.ts";
import { nativeChecksum } from "../compression.ts";
import { readLargestMessages } from "./message-indexes.ts";

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
  readonly readable: McapTypes.IReadable;
  readonly handlers: McapTypes.DecompressHandlers;
  /** Memory of its chunks, which other files may share. */
  readonly memory: ChunkMemory;
  /** Sizes of the largest messages by channel. */
  readonly #largest = new Map<McapTypes.ChunkIndex, ReadonlyMap<number, number>>();

  constructor(file: McapTypes.IReadable, handlers: McapTypes.DecompressHandlers, memory: ChunkMemory) {
    this.readable = file;
    this.handlers = handlers;
    this.memory = memory;
  }

  /** Returns the records of a chunk, decompressed. @throws Error if it is damaged */
  records(chunk: McapTypes.ChunkIndex): Promise<Uint8Array> {
    return this.memory.records(chunk, () => this.read(chunk));
  }

  /** Returns the size of the largest message of each channel of a chunk, by its index. @throws Error if the index is damaged */
  async largestMessages(chunk: McapTypes.ChunkIndex): Promise<ReadonlyMap<number, number>> {
    const known = this.#largest.get(chunk);
    if (known !== undefined) return known;
    const largest = await readLargestMessages(this.readable, chunk);
    this.#largest.set(chunk, largest);
    return largest;
  }

  /** Reads a chunk, which is not kept. @throws Error if it is damaged */
  read(chunk: McapTypes.ChunkIndex): Promise<Uint8Array> {
    return readChunk(this.readable, chunk, this.handlers);
  }
}

/** Reads a chunk. @returns its records, decompressed @throws Error if it is damaged */
export async function readChunk(
  file: McapTypes.IReadable,
  { chunkStartOffset, chunkLength, uncompressedSize }: McapTypes.ChunkIndex,
  handlers: McapTypes.DecompressHandlers,
): Promise<Uint8Array> {
  const record = await file.read(chunkStartOffset, chunkLength);
  return chunkContent(record, chunkStartOffset, { handlers, checksum: nativeChecksum }, uncompressedSize);
}
