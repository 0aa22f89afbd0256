/** Check of a whole file: each chunk with its index, each message, and the checksum of all data. */
import type { McapIndexedReader, McapTypes } from "@mcap/core";
import { chunkContent } from "../../wire/mcap/chunk-content.ts";
import { chunkMessages, readChunkMessage } from "../../wire/mcap/chunk-records.ts";
import type { EntryDecoder } from "../../wire/mcap/entry-decoder.ts";
import { checksumInScript } from "../../wire/mcap/mcap-writer.ts";
import { nativeChecksum } from "../compression.ts";
import { checkIndex } from "./message-indexes.ts";

/** A file that is checked. */
export interface CheckedFile {
  readonly readable: McapTypes.IReadable;
  readonly reader: Pick<
    McapIndexedReader,
    "chunkIndexes" | "dataEndOffset" | "dataSectionCrc" | "statistics"
  >;
  readonly handlers: McapTypes.DecompressHandlers;
  /** Decoder of all channels. */
  readonly decoder: EntryDecoder;
  /** Returns the name of a channel in problems. */
  readonly nameOf: (channelId: number) => string;
}

/** Messages of a channel that cannot be decoded. */
interface Undecodable {
  count: number;
  /** Place of the first one. */
  readonly first: string;
}

/**
 * Reads a file in its order, once, with one chunk in memory.
 *
 * @param onProblem receives each problem as one line
 */
export async function checkRecording(
  file: CheckedFile,
  signal: AbortSignal,
  onProblem: (line: string) => void,
): Promise<void> {
  const { readable, reader, nameOf } = file;
  const data = new DataReader(readable, reader.dataSectionCrc !== undefined);
  const tools = { handlers: file.handlers, checksum: nativeChecksum };
  const undecodable = new Map<number, Undecodable>();
  let messages = 0;
  let isWhole = true;
  for (const chunk of inOrder(reader.chunkIndexes)) {
    if (signal.aborted) return;
    const problems = new Set<string>();
    const check = (step: () => void) => {
      try {
        step();
      } catch (error) {
        problems.add((error as Error).message);
      }
    };
    try {
      const bytes = await data.take(chunk.chunkStartOffset, chunk.chunkLength + chunk.messageIndexLength);
      const record = bytes.subarray(0, Number(chunk.chunkLength));
      const records = chunkContent(record, chunk.chunkStartOffset, tools, chunk.uncompressedSize);
      check(() => checkIndex(bytes.subarray(record.length), chunk, records));
      check(() => {
        messages += decodeAll(records, chunk.chunkStartOffset, file.decoder, undecodable);
      });
    } catch (error) {
      problems.add((error as Error).message);
    }
    if (problems.size > 0) isWhole = false;
    problems.forEach(onProblem);
  }
  for (const [channelId, { count, first }] of undecodable)
    onProblem(
      `${count} ${count === 1 ? "message" : "messages"} of ${nameOf(channelId)} cannot be decoded; the first one is ${first}`,
    );
  const stated = reader.statistics?.messageCount;
  if (isWhole && stated !== undefined && Number(stated) !== messages)
    onProblem(`the statistics state ${stated} messages, but the chunks have ${messages}`);
  await checkData(file, data, onProblem);
}

function decodeAll(
  records: Uint8Array,
  start: bigint,
  decoder: EntryDecoder,
  undecodable: Map<number, Undecodable>,
): number {
  let count = 0;
  for (const { offset, message } of chunkMessages(records, start)) {
    count++;
    if (decoder.read(readChunkMessage(records, offset)) !== "invalid") continue;
    const known = undecodable.get(message.channelId);
    if (known !== undefined) known.count++;
    else
      undecodable.set(message.channelId, {
        count: 1,
        first: `at byte ${offset} of the records of the chunk at byte ${start}`,
      });
  }
  return count;
}

/** Compares the checksum of all data, if the file has one. */
async function checkData(
  { reader: { dataEndOffset, dataSectionCrc } }: CheckedFile,
  data: DataReader,
  onProblem: (line: string) => void,
): Promise<void> {
  if (dataSectionCrc === undefined) return;
  try {
    if ((await data.upTo(Number(dataEndOffset))) !== dataSectionCrc)
      onProblem(
        `the data before byte ${dataEndOffset} is damaged: its checksum differs from that of DataEnd`,
      );
  } catch (error) {
    onProblem((error as Error).message);
  }
}

const inOrder = (chunks: readonly McapTypes.ChunkIndex[]): readonly McapTypes.ChunkIndex[] =>
  chunks.toSorted((a, b) => (a.chunkStartOffset < b.chunkStartOffset ? -1 : 1));

/** Bytes of one read of records besides chunks. */
const READ_BYTES = 1024 * 1024;

/** Reads chunks in the order of the file, with the checksum of all bytes up to them. */
class DataReader {
  readonly #file: McapTypes.IReadable;
  readonly #hasChecksum: boolean;
  readonly #checksum = nativeChecksum ?? checksumInScript;
  #end = 0;
  #crc = 0;

  /** @param hasChecksum whether the checksum is needed */
  constructor(file: McapTypes.IReadable, hasChecksum: boolean) {
    this.#file = file;
    this.#hasChecksum = hasChecksum;
  }

  /** Reads bytes. @throws Error if the file does not have them */
  async take(offset: bigint, size: bigint): Promise<Uint8Array> {
    const start = Number(offset);
    const bytes = await this.#file.read(offset, size).catch((error: Error) => {
      throw new Error(`the chunk at byte ${offset} cannot be read: ${error.message}`);
    });
    if (this.#hasChecksum) {
      await this.upTo(start);
      this.#add(bytes.subarray(this.#end - start));
    }
    return bytes;
  }

  /** Returns the checksum of the bytes before a position. @throws Error of the file */
  async upTo(position: number): Promise<number> {
    while (this.#end < position) {
      const size = Math.min(READ_BYTES, position - this.#end);
      this.#add(await this.#file.read(BigInt(this.#end), BigInt(size)));
    }
    return this.#crc;
  }

  #add(bytes: Uint8Array): void {
    this.#crc = this.#checksum(bytes, this.#crc);
    this.#end += bytes.length;
  }
}
