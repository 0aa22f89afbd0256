/**
 * Writer of MCAP files (https://mcap.dev/spec). Pure: it turns records into bytes, in order, and has no file.
 *
 * The writer of `@mcap/core` closes a chunk by its size only. A recording also closes it by time, so that a process that is
 * killed loses little, and finishes files that an earlier process has left.
 */
import { crc32Final, crc32Update } from "@foxglove/crc";
import { McapConstants, McapRecordBuilder, type McapTypes } from "@mcap/core";
import { bytesOfText } from "../utf8.ts";
import { RECORD_HEAD_BYTES } from "./chunk-records.ts";
import { combinedChecksum } from "./combined-checksum.ts";
import { encodeSummary, newSummary, type Summary } from "./mcap-summary.ts";
import { type ChunkMessage, OpenChunk } from "./open-chunk.ts";

/** Compresses a chunk. */
export interface Compression {
  /** Name in the file: `zstd`, `lz4`, or empty for none. */
  readonly name: string;
  /** Returns bytes that nothing else uses, or the given ones if the chunk is stored as it is. */
  compress(bytes: Uint8Array): Uint8Array;
}

/** Returns the CRC-32 of bytes. @param previous CRC of the bytes before them; 0 at the beginning */
export type Checksum = (bytes: Uint8Array, previous: number) => number;

/** Stores chunks as they are. */
export const NO_COMPRESSION: Compression = { name: "", compress: (bytes) => bytes };

/** Options of a writer. */
export interface McapWriterOptions {
  /** Name and version of the program, in the file's header. */
  readonly library: string;
  readonly compression: Compression;
  /** @default one in JavaScript */
  readonly checksum?: Checksum | undefined;
  /** Receives the next bytes of the file. @param isReused they are valid until it returns only; else nothing else uses them */
  readonly onBytes: (bytes: Uint8Array, isReused: boolean) => void;
  /** Receives buffers that are not needed any more, to free their memory. */
  readonly onUnused?: (bytes: Uint8Array) => void;
}

/** CRC-32 in JavaScript. */
export const checksumInScript: Checksum = (bytes, previous) => crc32Final(crc32Update(previous ^ ~0, bytes));

/** Maximum number of channels and of schemas in a file: their ids have 16 bits. */
export const MAX_CHANNELS = 65_535;

/** Writes one file. */
export class McapWriter {
  readonly #options: McapWriterOptions;
  readonly #records = new McapRecordBuilder();
  readonly #chunk: OpenChunk;
  readonly #summary: Summary = newSummary();
  readonly #checksum: Checksum;
  #position = 0n;
  #crc = 0;

  /** Writes the beginning of the file. */
  constructor(options: McapWriterOptions) {
    this.#options = options;
    this.#checksum = options.checksum ?? checksumInScript;
    this.#chunk = new OpenChunk(options.onUnused);
    this.#records.writeMagic();
    this.#records.writeHeader({ profile: "", library: options.library });
    this.#flush();
  }

  /** Size of the file so far, without the open chunk. */
  get bytes(): number {
    return Number(this.#position);
  }

  /** Size of the open chunk before compression. */
  get chunkBytes(): number {
    return this.#chunk.byteLength;
  }

  /** Number of channels. */
  get channels(): number {
    return this.#summary.channels.size;
  }

  /** Adds a schema. @returns its id */
  addSchema(schema: Omit<McapTypes.Schema, "id">): number {
    const id = this.#summary.schemas.size + 1;
    const added = { ...schema, id };
    this.#summary.schemas.set(id, added);
    // Outside of the chunk, so that an unfinished file can be completed without decompressing its chunks.
    this.#records.writeSchema(added);
    this.#flush();
    return id;
  }

  /** Adds a channel. @param channel its `schemaId` is 0 without a schema @returns its id */
  addChannel(channel: Omit<McapTypes.Channel, "id">): number {
    const id = this.#summary.channels.size + 1;
    const added = { ...channel, id };
    this.#summary.channels.set(id, added);
    this.#records.writeChannel(added);
    this.#flush();
    return id;
  }

  /** Adds a message to the open chunk. */
  addMessage(message: ChunkMessage): void {
    this.#chunk.addMessage(message);
  }

  /** Adds a metadata record. */
  addMetadata(metadata: McapTypes.Metadata): void {
    const offset = this.#position;
    this.#records.writeMetadata(metadata);
    const length = BigInt(this.#records.length);
    this.#summary.metadataIndexes.push({ name: metadata.name, offset, length });
    this.#flush();
  }

  /** Writes the open chunk, unless it is empty. */
  closeChunk(): void {
    if (this.#chunk.isEmpty) return;
    const { records: plain, times } = this.#chunk;
    const { compression } = this.#options;
    const records = compression.compress(plain);
    const isPlain = records === plain;
    const compressionName = isPlain ? NO_COMPRESSION.name : compression.name;
    const chunkStartOffset = this.#position;
    const uncompressedSize = BigInt(plain.length);
    const compressedSize = BigInt(records.length);
    const uncompressedCrc = this.#checksum(plain, 0);
    const head = encodeChunkHead({
      ...{ ...times, uncompressedSize, compressedSize, uncompressedCrc },
      compression: compressionName,
    });
    const chunkLength = BigInt(head.length + records.length);
    this.#write(head);
    if (isPlain) this.#writePlain(records, uncompressedCrc);
    else this.#write(records);
    const { bytes: index, offsets, counts } = this.#chunk.encodeIndex();
    const indexStart = this.bytes;
    const messageIndexOffsets = new Map(
      Array.from(offsets, ([channel, offset]) => [channel, BigInt(indexStart + offset)] as const),
    );
    this.#summary.addChunk(
      {
        ...{ ...times, chunkStartOffset, chunkLength, messageIndexOffsets },
        messageIndexLength: BigInt(index.length),
        compression: compressionName,
        compressedSize,
        uncompressedSize,
      },
      counts,
    );
    this.#chunk.reset();
    this.#write(index);
  }

  /** Writes the open chunk and the end of the file: summary, indexes and statistics. */
  end(): void {
    this.closeChunk();
    const summary = encodeSummary(this.#summary, this.#position, this.#crc);
    this.#position += BigInt(summary.length);
    this.#options.onBytes(summary, false);
    this.free();
  }

  /** Frees the memory of the open chunk, of a file that ends as it is. The writer must not be used afterwards. */
  free(): void {
    this.#chunk.free();
  }

  #flush(): void {
    const { buffer } = this.#records;
    this.#records.reset();
    this.#write(buffer);
  }

  #write(bytes: Uint8Array): void {
    this.#crc = this.#checksum(bytes, this.#crc);
    this.#append(bytes, false);
  }

  /** Writes the records of a chunk that is stored as it is. */
  #writePlain(bytes: Uint8Array, checksum: number): void {
    this.#crc = combinedChecksum(this.#crc, checksum, bytes.length);
    this.#append(bytes, true);
  }

  #append(bytes: Uint8Array, isReused: boolean): void {
    this.#position += BigInt(bytes.length);
    this.#options.onBytes(bytes, isReused);
  }
}

/** Encodes a chunk up to its records. */
function encodeChunkHead({
  messageStartTime,
  messageEndTime,
  uncompressedSize,
  uncompressedCrc,
  compression,
  compressedSize,
}: Omit<McapTypes.Chunk, "type" | "records"> & { readonly compressedSize: bigint }): Uint8Array {
  const name = bytesOfText(compression);
  const nameAt = RECORD_HEAD_BYTES + 32;
  const head = new Uint8Array(nameAt + name.length + 8);
  const view = new DataView(head.buffer);
  view.setUint8(0, McapConstants.Opcode.CHUNK);
  view.setBigUint64(1, BigInt(head.length - RECORD_HEAD_BYTES) + compressedSize, true);
  view.setBigUint64(RECORD_HEAD_BYTES, messageStartTime, true);
  view.setBigUint64(RECORD_HEAD_BYTES + 8, messageEndTime, true);
  view.setBigUint64(RECORD_HEAD_BYTES + 16, uncompressedSize, true);
  view.setUint32(RECORD_HEAD_BYTES + 24, uncompressedCrc, true);
  view.setUint32(RECORD_HEAD_BYTES + 28, name.length, true);
  head.set(name, nameAt);
  view.setBigUint64(nameAt + name.length, compressedSize, true);
  return head;
}
