/** Parts of a chunk, without decoding its messages. */
import { McapConstants, type McapTypes } from "@mcap/core";

const { Opcode } = McapConstants;

/** Bytes of a record before its content: opcode and length. */
export const RECORD_HEAD_BYTES = 9;
/** Bytes of a message before its data: channel, sequence and two times. */
export const MESSAGE_HEAD_BYTES = 2 + 4 + 8 + 8;

/** Head of a chunk: its members before the records. */
export interface ChunkHead {
  readonly messageStartTime: bigint;
  readonly messageEndTime: bigint;
  readonly uncompressedSize: number;
  readonly crc: number;
  readonly compression: string;
  /** Size of the records in the file. */
  readonly compressedSize: number;
  /** Size of this head. */
  readonly bytes: number;
}

/** Bytes of the numbers before the name of the compression. */
const NUMBER_BYTES = 28;
/** Bytes of the length of the name, and of the length of the records. */
const LENGTHS_BYTES = 4 + 8;
const MAX_NAME_BYTES = 16;

/** Reads the head of a chunk. @param content begins after opcode and length @returns undefined if it is not valid */
export function readChunkHead(content: Uint8Array): ChunkHead | undefined {
  if (content.length < NUMBER_BYTES + LENGTHS_BYTES) return undefined;
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const nameBytes = view.getUint32(NUMBER_BYTES, true);
  const bytes = NUMBER_BYTES + LENGTHS_BYTES + nameBytes;
  if (nameBytes > MAX_NAME_BYTES || bytes > content.length) return undefined;
  return {
    messageStartTime: view.getBigUint64(0, true),
    messageEndTime: view.getBigUint64(8, true),
    uncompressedSize: Number(view.getBigUint64(16, true)),
    crc: view.getUint32(24, true),
    compression: String.fromCharCode(...content.subarray(NUMBER_BYTES + 4, NUMBER_BYTES + 4 + nameBytes)),
    compressedSize: Number(view.getBigUint64(bytes - 8, true)),
    bytes,
  };
}

/** A record in a chunk. */
export interface ChunkRecord {
  readonly opcode: number;
  /** Position in the records of the chunk. */
  readonly offset: number;
  /** Position after it. */
  readonly end: number;
  /** Head of a message; undefined for other records. */
  readonly message: { readonly channelId: number; readonly logTime: bigint } | undefined;
}

/** Reads a message of a chunk. @param offset of its record, which is whole */
export function readChunkMessage(records: Uint8Array, offset: number): McapTypes.Message {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const at = offset + RECORD_HEAD_BYTES;
  const end = at + Number(view.getBigUint64(offset + 1, true));
  return {
    channelId: view.getUint16(at, true),
    sequence: view.getUint32(at + 2, true),
    logTime: view.getBigUint64(at + 6, true),
    publishTime: view.getBigUint64(at + 14, true),
    data: records.subarray(at + MESSAGE_HEAD_BYTES, end),
  };
}

/** Iterates over the records of a chunk. @param from offset of the first one */
export function* chunkRecords(records: Uint8Array, from = 0): Generator<ChunkRecord> {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  for (let offset = from; offset + RECORD_HEAD_BYTES <= records.length; ) {
    const opcode = view.getUint8(offset);
    const length = Number(view.getBigUint64(offset + 1, true));
    const at = offset + RECORD_HEAD_BYTES;
    if (at + length > records.length) return;
    const isMessage = opcode === Opcode.MESSAGE && length >= MESSAGE_HEAD_BYTES;
    yield {
      opcode,
      offset,
      end: at + length,
      message: isMessage
        ? { channelId: view.getUint16(at, true), logTime: view.getBigUint64(at + 6, true) }
        : undefined,
    };
    offset = at + length;
  }
}

/** A message in a chunk. */
export interface ChunkMessagePlace extends ChunkRecord {
  readonly message: NonNullable<ChunkRecord["message"]>;
}

/**
 * Iterates over the messages of a chunk.
 *
 * @param start position of the chunk in the file @param from offset of the first record
 * @throws Error if a record is not whole
 */
export function* chunkMessages(
  records: Uint8Array,
  start: bigint,
  from = 0,
): Generator<ChunkMessagePlace, void, undefined> {
  let end = from;
  for (const record of chunkRecords(records, from)) {
    end = record.end;
    const { opcode, message } = record;
    if (message !== undefined) yield { ...record, message };
    else if (opcode === Opcode.MESSAGE)
      throw new Error(
        `the chunk at byte ${start} is damaged: the message at byte ${record.offset} is not whole`,
      );
  }
  if (end < records.length)
    throw new Error(`the chunk at byte ${start} is damaged: its last record is not whole`);
}
