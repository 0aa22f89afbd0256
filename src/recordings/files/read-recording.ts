/** Reads entries from MCAP files: recordings, exports, files of redis-record, and, as far as possible, of other programs. */
import { type FileHandle, open } from "node:fs/promises";
import { McapIndexedReader, type McapTypes } from "@mcap/core";
import { NS_PER_MS } from "../../wire/foxglove/log-time.ts";
import { chunkMessages, readChunkMessage } from "../../wire/mcap/chunk-records.ts";
import { EntryDecoder, type RecordedEntry } from "../../wire/mcap/entry-decoder.ts";
import { GAP_RECORD, NOTES_RECORD } from "../../wire/mcap/entry-writer.ts";
import { isFieldsChannel, streamOfChannel } from "../../wire/mcap/recorded-channel.ts";
import { openDecompression } from "../decompression.ts";
import { checkRecording } from "./check-recording.ts";
import { ChunkCache, ChunkMemory } from "./chunk-cache.ts";
import { completeReadable } from "./readable-file.ts";
import { nanosecondsOf, type RecordingChannel, type RecordingRange } from "./recording-range.ts";
import { ENTRY_BYTES, readWindow, type StreamWindow } from "./stream-window.ts";
import { spanOf, type TimeSpan } from "./time-span.ts";
import { type SelectMessage, timedMessages } from "./timed-messages.ts";

export type { RecordedEntry } from "../../wire/mcap/entry-decoder.ts";
export type { RecordedStream } from "../../wire/mcap/recorded-channel.ts";
export { ChunkMemory } from "./chunk-cache.ts";
export type { RecordingChannel, RecordingRange } from "./recording-range.ts";

/** Times of a chunk in ms since 1970, its size in memory, and the keys of the selected streams that it has. */
export interface ChunkSpan extends TimeSpan {
  readonly bytes: number;
  readonly keys: ReadonlySet<string>;
}

/** A chunk, and the keys of the selected streams that it has. */
interface SelectedChunk extends Pick<ChunkSpan, "keys"> {
  readonly chunk: McapTypes.ChunkIndex;
}

/**
 * Opens a file.
 *
 * @param memory of the chunks that are kept, which other files may share
 * @throws Error that describes what is wrong with it
 */
export async function openRecording(path: string, memory = new ChunkMemory()): Promise<RecordingReader> {
  const file = await open(path, "r");
  try {
    const decompressHandlers = await openDecompression();
    const { readable, isFinished } = await completeReadable(file, decompressHandlers);
    const reader = await McapIndexedReader.Initialize({ readable }).catch((error: Error) => {
      throw new Error(`the end of the file is damaged; \`mcap recover\` restores it: ${error.message}`);
    });
    if (reader.chunkIndexes.length === 0 && (reader.statistics?.messageCount ?? 0n) > 0n)
      throw new Error("the file has no index of its chunks; `mcap recover` adds one");
    const chunks = new ChunkCache(readable, decompressHandlers, memory);
    return new RecordingReader(file, reader, chunks, Number(await readable.size()), isFinished);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reader of one file of a recording. */
export class RecordingReader implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #reader: McapIndexedReader;
  readonly #chunks: ChunkCache;
  /** Keys of streams, by the ids of their channels. */
  readonly #keys = new Map<number, string>();
  readonly bytes: number;
  /** Whether it has its end. Otherwise it has the entries up to its last whole chunk. */
  readonly isFinished: boolean;
  readonly channels: readonly RecordingChannel[];

  constructor(
    file: FileHandle,
    reader: McapIndexedReader,
    chunks: ChunkCache,
    bytes: number,
    isFinished: boolean,
  ) {
    this.#file = file;
    this.#reader = reader;
    this.#chunks = chunks;
    for (const channel of reader.channelsById.values())
      this.#keys.set(
        channel.id,
        new EntryDecoder().open(channel, reader.schemasById.get(channel.schemaId)).key,
      );
    this.bytes = bytes;
    this.isFinished = isFinished;
    this.channels = [...reader.channelsById.values()]
      .filter((channel) => !isFieldsChannel(channel))
      .map((channel) => this.#channelOf(channel));
  }

  /** Memory of the chunks that are kept. */
  get memory(): ChunkMemory {
    return this.#chunks.memory;
  }

  /** Program that wrote it. */
  get library(): string {
    return this.#reader.header.library;
  }

  get entries(): number {
    return this.channels.reduce((sum, { entries }) => sum + entries, 0);
  }

  /** Number of gaps: ranges of ids in which entries may be missing. */
  get gaps(): number {
    return this.#reader.metadataIndexes.filter(({ name }) => name === GAP_RECORD).length;
  }

  /** Returns the texts about the recording, by key. @throws Error if the file is damaged */
  async notes(): Promise<ReadonlyMap<string, string>> {
    for await (const { metadata } of this.#reader.readMetadata({ name: NOTES_RECORD })) return metadata;
    return new Map();
  }

  /** Undefined without entries. */
  get span(): TimeSpan | undefined {
    return spanOf(this.#reader);
  }

  /** Whether ids have the times of `span`. In files of redis-record they have others. */
  get hasExactTimes(): boolean {
    return [...this.#reader.channelsById.values()].every((channel) => streamOfChannel(channel) !== undefined);
  }

  /** Returns the chunks that a range is read from, in the order of the file. */
  chunks(range: RecordingRange = {}): readonly ChunkSpan[] {
    return this.#chunksOf(range).map(({ chunk, keys }) => ({
      fromMs: Number(chunk.messageStartTime / NS_PER_MS),
      toMs: Number(chunk.messageEndTime / NS_PER_MS),
      bytes: Number(chunk.uncompressedSize),
      keys,
    }));
  }

  /**
   * Returns the memory of the largest entry of each stream of a range, by its key, as the indexes state it.
   *
   * @param minChunkBytes the entries of smaller chunks are not considered
   * @throws Error if the file is damaged
   */
  async largestEntries(range: RecordingRange = {}, minChunkBytes = 0): Promise<ReadonlyMap<string, number>> {
    const largest = new Map<string, number>();
    for (const { chunk, keys } of this.#chunksOf(range)) {
      if (chunk.uncompressedSize < minChunkBytes) continue;
      for (const [channel, bytes] of await this.#chunks.largestMessages(chunk)) {
        const key = this.#keys.get(channel) ?? "";
        if (keys.has(key)) largest.set(key, Math.max(largest.get(key) ?? 0, bytes + ENTRY_BYTES));
      }
    }
    return largest;
  }

  /** Yields entries in the order of their times. Each chunk is in memory from its first to its last entry. @throws Error if the file is damaged */
  async *read(range: RecordingRange = {}): AsyncGenerator<RecordedEntry, void, undefined> {
    const chunks = this.#chunksOf(range);
    const keys = this.#keysOf(range);
    const decoder = this.#decoderOf((id) => keys.has(this.#keys.get(id) ?? ""));
    const isSelected = this.#selectorOf(range, (key) => keys.has(key));
    const messages = timedMessages(
      chunks.map(({ chunk }) => chunk),
      (chunk) => this.#chunks.read(chunk),
      isSelected,
    );
    for await (const message of messages) {
      const entry = decoder.decode(message);
      if (entry !== undefined) yield entry;
    }
  }

  /**
   * Yields the entries of one stream in the order of the file, with one chunk in memory, or with one window of it. In recordings of
   * this gateway, it is the order of their ids.
   *
   * @param windowBytes size of a window, which its last entry may exceed @default whole chunks
   * @throws Error if the file is damaged
   */
  async *readStream(
    key: string,
    range: RecordingRange = {},
    windowBytes?: number,
  ): AsyncGenerator<RecordedEntry, void, undefined> {
    const decoder = this.#decoderOf((id) => this.#keys.get(id) === key);
    const isSelected = this.#selectorOf(range, (one) => one === key);
    for (const { chunk, keys } of this.#chunksOf(range)) {
      if (!keys.has(key)) continue;
      if (windowBytes === undefined) {
        const records = await this.#chunks.records(chunk);
        for (const { offset, message } of chunkMessages(records, chunk.chunkStartOffset)) {
          if (!isSelected(message)) continue;
          const entry = decoder.decode(readChunkMessage(records, offset));
          if (entry !== undefined) yield entry;
        }
        continue;
      }
      for (let from: number | undefined = 0; from !== undefined; ) {
        const decode = (message: McapTypes.Message) => decoder.decode(message);
        const { entries, next }: StreamWindow = readWindow(
          await this.#chunks.records(chunk),
          chunk.chunkStartOffset,
          from,
          windowBytes,
          isSelected,
          decode,
        );
        yield* entries;
        from = next;
      }
    }
  }

  /**
   * Reads all of the file in its order, with one chunk in memory.
   *
   * @param onProblem receives each problem as one line
   */
  async check(signal: AbortSignal, onProblem: (line: string) => void): Promise<void> {
    const decoder = this.#decoderOf(() => true);
    const nameOf = (id: number) => this.#keys.get(id) ?? `the unknown channel ${id}`;
    const { readable, handlers } = this.#chunks;
    await checkRecording({ readable, handlers, reader: this.#reader, decoder, nameOf }, signal, onProblem);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  /** Returns the keys of the streams that a range selects. */
  #keysOf({ selects }: RecordingRange): ReadonlySet<string> {
    const wanted = this.channels.filter((channel) => selects === undefined || selects(channel));
    return new Set(wanted.map(({ stream }) => stream.key));
  }

  /** Returns a decoder of the messages of channels. */
  #decoderOf(isWanted: (id: number) => boolean): EntryDecoder {
    const decoder = new EntryDecoder();
    for (const channel of this.#reader.channelsById.values())
      if (isWanted(channel.id)) decoder.open(channel, this.#reader.schemasById.get(channel.schemaId));
    return decoder;
  }

  /** Returns the selector of the messages of a range. */
  #selectorOf(range: RecordingRange, isWanted: (key: string) => boolean): SelectMessage {
    const { first = 0n, last } = nanosecondsOf(range);
    return ({ channelId, logTime }) =>
      isWanted(this.#keys.get(channelId) ?? "") &&
      logTime >= first &&
      (last === undefined || logTime <= last);
  }

  /** Returns the chunks with entries of a range, in the order of the file. */
  #chunksOf(range: RecordingRange): readonly SelectedChunk[] {
    const selected = this.#keysOf(range);
    const { first, last } = nanosecondsOf(range);
    return this.#reader.chunkIndexes
      .filter(
        ({ messageStartTime, messageEndTime }) =>
          messageEndTime >= (first ?? 0n) && (last === undefined || messageStartTime <= last),
      )
      .map((chunk) => {
        const keys = [...chunk.messageIndexOffsets.keys()].map((id) => this.#keys.get(id) ?? "");
        return { chunk, keys: new Set(keys.filter((key) => selected.has(key))) };
      })
      .filter(({ keys }) => keys.size > 0)
      .sort((a, b) => (a.chunk.chunkStartOffset < b.chunk.chunkStartOffset ? -1 : 1));
  }

  #channelOf(channel: McapTypes.Channel): RecordingChannel {
    const { statistics, schemasById } = this.#reader;
    const schema = schemasById.get(channel.schemaId);
    return {
      topic: channel.topic,
      stream: new EntryDecoder().open(channel, schema),
      encoding: channel.messageEncoding,
      schema: schema?.name,
      entries: Number(statistics?.channelMessageCounts.get(channel.id) ?? 0n),
    };
  }
}
