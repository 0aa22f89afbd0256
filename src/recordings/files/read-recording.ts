/** Reads entries from MCAP files: recordings, exports, files of redis-record, and, as far as possible, of other programs. */
import { type FileHandle, open } from "node:fs/promises";
import { McapIndexedReader, type McapTypes } from "@mcap/core";
import { NS_PER_MS } from "../../wire/foxglove/log-time.ts";
import { EntryDecoder, type RecordedEntry } from "../../wire/mcap/entry-decoder.ts";
import { GAP_RECORD, NOTES_RECORD } from "../../wire/mcap/entry-writer.ts";
import { isFieldsChannel, type RecordedStream, streamOfChannel } from "../../wire/mcap/recorded-channel.ts";
import { scanUnfinished } from "../../wire/mcap/unfinished-file.ts";
import { openDecompression } from "../compression.ts";
import { readableOf } from "./readable-file.ts";
import { spanOf, type TimeSpan } from "./time-span.ts";

export type { RecordedEntry } from "../../wire/mcap/entry-decoder.ts";
export type { RecordedStream } from "../../wire/mcap/recorded-channel.ts";

/** A channel with entries. */
export interface RecordingChannel {
  readonly topic: string;
  readonly stream: RecordedStream;
  /** Encoding of its messages, and the name of their schema. */
  readonly encoding: string;
  readonly schema: string | undefined;
  readonly entries: number;
}

/** Part of a recording. */
export interface RecordingRange {
  /** Times in ms since 1970, both included. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Whether the entries of a channel are read. @default all */
  readonly selects?: ((channel: RecordingChannel) => boolean) | undefined;
}

/** Times of a chunk in ms since 1970, and its size in memory. */
export interface ChunkSpan extends TimeSpan {
  readonly bytes: number;
}

/**
 * Opens a file.
 *
 * @throws Error that describes what is wrong with it
 */
export async function openRecording(path: string): Promise<RecordingReader> {
  const file = await open(path, "r");
  try {
    const decompressHandlers = await openDecompression();
    const { readable, isFinished } = await completeReadable(file, decompressHandlers);
    const reader = await McapIndexedReader.Initialize({ readable, decompressHandlers });
    if (reader.chunkIndexes.length === 0 && (reader.statistics?.messageCount ?? 0n) > 0n)
      throw new Error("the file has no index of its chunks; `mcap recover` adds one");
    return new RecordingReader(file, reader, Number(await readable.size()), isFinished);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Returns the file with its end, which is appended in memory if the file has none. */
async function completeReadable(
  file: FileHandle,
  decompressHandlers: McapTypes.DecompressHandlers,
): Promise<{ readonly readable: McapTypes.IReadable; readonly isFinished: boolean }> {
  const readable = readableOf(file);
  const { isFinished, keptBytes, end } = await scanUnfinished(readable, decompressHandlers);
  if (isFinished) return { readable, isFinished };
  return {
    isFinished,
    readable: {
      size: async () => BigInt(keptBytes + end.length),
      async read(offset, size) {
        const from = Number(offset);
        const kept = Math.max(0, Math.min(Number(size), keptBytes - from));
        const start = kept > 0 ? await readable.read(offset, BigInt(kept)) : new Uint8Array();
        const bytes = new Uint8Array(Number(size));
        bytes.set(start, 0);
        bytes.set(end.subarray(from + kept - keptBytes, from + bytes.length - keptBytes), kept);
        return bytes;
      },
    },
  };
}

/** Reader of one file of a recording. */
export class RecordingReader implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #reader: McapIndexedReader;
  readonly bytes: number;
  /** Whether it has its end. Otherwise it has the entries up to its last whole chunk. */
  readonly isFinished: boolean;
  readonly channels: readonly RecordingChannel[];

  constructor(file: FileHandle, reader: McapIndexedReader, bytes: number, isFinished: boolean) {
    this.#file = file;
    this.#reader = reader;
    this.bytes = bytes;
    this.isFinished = isFinished;
    this.channels = [...reader.channelsById.values()]
      .filter((channel) => !isFieldsChannel(channel))
      .map((channel) => this.#channelOf(channel));
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

  /** Returns the chunks that a range is read from. Each is in memory from its first to its last entry. */
  chunks(range: RecordingRange = {}): readonly ChunkSpan[] {
    const keys = this.#keysOf(range);
    const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = range;
    const wanted = new Set<number>();
    for (const channel of this.#reader.channelsById.values())
      if (keys.has(new EntryDecoder().open(channel, this.#reader.schemasById.get(channel.schemaId)).key))
        wanted.add(channel.id);
    return this.#reader.chunkIndexes
      .filter(({ messageIndexOffsets }) => [...messageIndexOffsets.keys()].some((id) => wanted.has(id)))
      .map(({ messageStartTime, messageEndTime, uncompressedSize }) => ({
        fromMs: Number(messageStartTime / NS_PER_MS),
        toMs: Number(messageEndTime / NS_PER_MS),
        bytes: Number(uncompressedSize),
      }))
      .filter((chunk) => chunk.fromMs <= toMs && chunk.toMs >= fromMs);
  }

  /** Yields entries in the order of their times, in constant memory. @throws Error if the file is damaged */
  async *read(range: RecordingRange = {}): AsyncGenerator<RecordedEntry, void, undefined> {
    const { fromMs, toMs } = range;
    const keys = this.#keysOf(range);
    const decoder = new EntryDecoder();
    const topics = new Set<string>();
    for (const channel of this.#reader.channelsById.values()) {
      const stream = decoder.open(channel, this.#reader.schemasById.get(channel.schemaId));
      if (keys.has(stream.key)) topics.add(channel.topic);
    }
    if (topics.size === 0) return;
    const messages = this.#reader.readMessages({
      topics: [...topics],
      ...(fromMs !== undefined && { startTime: BigInt(Math.floor(fromMs)) * NS_PER_MS }),
      ...(toMs !== undefined && { endTime: (BigInt(Math.floor(toMs)) + 1n) * NS_PER_MS - 1n }),
      validateCrcs: true,
    });
    for await (const message of messages) {
      const entry = decoder.decode(message);
      if (entry !== undefined) yield entry;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  /** Returns the keys of the streams that a range selects. */
  #keysOf({ selects }: RecordingRange): ReadonlySet<string> {
    const wanted = this.channels.filter((channel) => selects === undefined || selects(channel));
    return new Set(wanted.map(({ stream }) => stream.key));
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
