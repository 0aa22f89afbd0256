/**
 * Completes an MCAP file that its writer could not finish: finds its last whole chunk, and encodes the end that is missing. Reads
 * only the heads of chunks, except for the last one, because a file may have gigabytes.
 */
import { McapConstants, McapRecordBuilder, McapStreamReader, type McapTypes } from "@mcap/core";
import { chunkContent } from "./chunk-content.ts";
import { type ChunkHead, chunkRecords, RECORD_HEAD_BYTES, readChunkHead } from "./chunk-records.ts";
import { encodeSummary, newSummary } from "./mcap-summary.ts";

const { Opcode, MCAP_MAGIC } = McapConstants;

/** Bytes of a chunk before its records: times, sizes, CRC and the name of the compression. */
const CHUNK_HEAD_BYTES = 64;
/** Records besides chunks are read whole. A longer one is not of our making. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** End of a file that its writer could not finish. */
export interface UnfinishedFile {
  /** The file already has its end. */
  readonly isFinished: boolean;
  /** Size of the part to keep: the data up to its last whole record. */
  readonly keptBytes: number;
  /** Bytes to append: indexes, the end of the data, summary and footer. */
  readonly end: Uint8Array;
}

/** A chunk with its place in the file. */
interface FoundChunk {
  readonly head: ChunkHead;
  readonly offset: number;
  readonly length: number;
  readonly indexOffsets: Map<number, bigint>;
  readonly counts: Map<number, number>;
  /** End of its last index. */
  end: number;
}

/**
 * Scans a file.
 *
 * @throws Error if it is not an MCAP file
 */
export async function scanUnfinished(
  file: McapTypes.IReadable,
  decompressHandlers: McapTypes.DecompressHandlers,
): Promise<UnfinishedFile> {
  const scan = new FileScan(file, decompressHandlers);
  await scan.walk();
  return scan.complete();
}

class FileScan {
  readonly #file: McapTypes.IReadable;
  readonly #handlers: McapTypes.DecompressHandlers;
  readonly #summary = newSummary();
  readonly #chunks: FoundChunk[] = [];
  /** Parses single records. */
  readonly #reader: McapStreamReader;
  #hasHeader = false;
  #isFinished = false;
  /** End of the last whole record. */
  #end = 0;

  constructor(file: McapTypes.IReadable, handlers: McapTypes.DecompressHandlers) {
    this.#file = file;
    this.#handlers = handlers;
    this.#reader = new McapStreamReader({ noMagicPrefix: true });
  }

  /** Walks over the records up to the first one that is not whole. */
  async walk(): Promise<void> {
    const size = Number(await this.#file.size());
    const magic = await this.#read(0, Math.min(size, MCAP_MAGIC.length));
    if (!isMagic(magic)) throw new Error("the file is not an MCAP file");
    this.#end = MCAP_MAGIC.length;
    while (this.#end + RECORD_HEAD_BYTES <= size) {
      const head = await this.#read(
        this.#end,
        Math.min(RECORD_HEAD_BYTES + CHUNK_HEAD_BYTES, size - this.#end),
      );
      const view = new DataView(head.buffer, head.byteOffset, head.length);
      const opcode = view.getUint8(0);
      const length = RECORD_HEAD_BYTES + Number(view.getBigUint64(1, true));
      if (opcode === Opcode.DATA_END) {
        // Its end may have been written in part.
        const last = await this.#read(Math.max(this.#end, size - MCAP_MAGIC.length), MCAP_MAGIC.length);
        this.#isFinished = isMagic(last);
        return;
      }
      if (this.#end + length > size || !(await this.#take(opcode, this.#end, length, head))) return;
      this.#end += length;
    }
  }

  /** @returns whether the record belongs to the data of the file */
  async #take(opcode: number, offset: number, length: number, head: Uint8Array): Promise<boolean> {
    if (opcode === Opcode.CHUNK) {
      const chunk = readChunkHead(head.subarray(RECORD_HEAD_BYTES));
      if (chunk === undefined) return false;
      this.#chunks.push({
        ...{ head: chunk, offset, length, end: offset + length },
        ...{ indexOffsets: new Map<number, bigint>(), counts: new Map<number, number>() },
      });
      return true;
    }
    if (length > MAX_RECORD_BYTES) return false;
    if (opcode === Opcode.MESSAGE_INDEX) return this.#takeIndex(offset, length, head);
    if (opcode < Opcode.HEADER || opcode > Opcode.DATA_END) return false;
    return this.#takeSmall(offset, length);
  }

  #takeIndex(offset: number, length: number, head: Uint8Array): boolean {
    const chunk = this.#chunks.at(-1);
    if (chunk === undefined) return false;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const channel = view.getUint16(RECORD_HEAD_BYTES, true);
    chunk.indexOffsets.set(channel, BigInt(offset));
    chunk.counts.set(channel, view.getUint32(RECORD_HEAD_BYTES + 2, true) / 16);
    chunk.end = offset + length;
    return true;
  }

  async #takeSmall(offset: number, length: number): Promise<boolean> {
    this.#reader.append(await this.#read(offset, length));
    let record: McapTypes.TypedMcapRecord | undefined;
    try {
      record = this.#reader.nextRecord();
    } catch {
      return false;
    }
    const { schemas, channels, metadataIndexes } = this.#summary;
    if (record?.type === "Header") this.#hasHeader = true;
    else if (record?.type === "Schema") schemas.set(record.id, record);
    else if (record?.type === "Channel") channels.set(record.id, record);
    else if (record?.type === "Metadata")
      metadataIndexes.push({ name: record.name, offset: BigInt(offset), length: BigInt(length) });
    return record !== undefined;
  }

  /** Checks the last chunk, and encodes the end of the file. @throws Error without a header */
  async complete(): Promise<UnfinishedFile> {
    if (!this.#hasHeader) throw new Error("the file is not an MCAP file: it has no header");
    const indexes = new McapRecordBuilder();
    for (
      let last = this.#chunks.at(-1);
      last !== undefined && !this.#isFinished;
      last = this.#chunks.at(-1)
    ) {
      const records = await this.#recordsOf(last);
      if (records === undefined) {
        // A crash of the machine may leave a chunk that was never written.
        this.#chunks.pop();
        this.#end = last.offset;
        this.#forgetAfter(last.offset);
        continue;
      }
      // Its indexes may be missing in part, which their number does not show, and metadata may follow them.
      if (this.#end === last.end) this.#rebuildIndexes(last, records, indexes);
      break;
    }
    for (const chunk of this.#chunks) this.#summary.addChunk(indexOf(chunk), chunk.counts);
    const tail = encodeSummary(this.#summary, BigInt(this.#end + indexes.length), 0);
    const end = new Uint8Array(indexes.length + tail.length);
    end.set(indexes.buffer, 0);
    end.set(tail, indexes.length);
    return { isFinished: this.#isFinished, keptBytes: this.#end, end };
  }

  #forgetAfter(offset: number): void {
    const { metadataIndexes } = this.#summary;
    while (Number(metadataIndexes.at(-1)?.offset ?? -1) > offset) metadataIndexes.pop();
  }

  #rebuildIndexes(chunk: FoundChunk, records: Uint8Array, indexes: McapRecordBuilder): void {
    const found = new Map<number, [bigint, bigint][]>();
    for (const { opcode, offset, message } of chunkRecords(records)) {
      if (opcode !== Opcode.MESSAGE || message === undefined) continue;
      const { channelId, logTime } = message;
      const list = found.get(channelId) ?? [];
      list.push([logTime, BigInt(offset)]);
      found.set(channelId, list);
    }
    const start = chunk.offset + chunk.length;
    this.#end = start;
    chunk.indexOffsets.clear();
    chunk.counts.clear();
    for (const [channelId, list] of found) {
      chunk.indexOffsets.set(channelId, BigInt(start + indexes.length));
      chunk.counts.set(channelId, list.length);
      indexes.writeMessageIndex({ channelId, records: list });
    }
    chunk.end = start + indexes.length;
  }

  /** Returns the records of a chunk; undefined if they are damaged. */
  async #recordsOf({ offset, length }: FoundChunk): Promise<Uint8Array | undefined> {
    const record = await this.#read(offset, length);
    try {
      return chunkContent(record, BigInt(offset), { handlers: this.#handlers });
    } catch {
      return undefined;
    }
  }

  #read(offset: number, length: number): Promise<Uint8Array> {
    return this.#file.read(BigInt(offset), BigInt(length));
  }
}

const isMagic = (bytes: Uint8Array): boolean => MCAP_MAGIC.every((byte, i) => bytes[i] === byte);

function indexOf({ head, offset, length, end, indexOffsets }: FoundChunk): McapTypes.ChunkIndex {
  return {
    messageStartTime: head.messageStartTime,
    messageEndTime: head.messageEndTime,
    chunkStartOffset: BigInt(offset),
    chunkLength: BigInt(length),
    messageIndexOffsets: indexOffsets,
    messageIndexLength: BigInt(end - offset - length),
    compression: head.compression,
    compressedSize: BigInt(length - RECORD_HEAD_BYTES - head.bytes),
    uncompressedSize: BigInt(head.uncompressedSize),
  };
}
