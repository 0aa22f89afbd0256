/** An open part of a recording in the thread that reads it. */
import { basename } from "node:path";
import type { StreamEntries } from "../../../domain/streams/entry.ts";
import { packEntries } from "../../entry-batch.ts";
import {
  ChunkMemory,
  openRecording,
  type RecordedEntry,
  type RecordingChannel,
  type RecordingRange,
  type RecordingReader,
} from "../../files/read-recording.ts";
import { MAX_CHUNK_BYTES, planReading, type ReadFile, readTogether } from "../read-together.ts";
import type { NextEntries, OpenedPart, PlayedPart } from "./play-messages.ts";

/** Size of a batch. The event loop stores a batch in a few milliseconds. */
const BATCH_BYTES = 256 * 1024;
const BATCH_ENTRIES = 256;
/** Batches in memory besides the one that is being stored. */
const BATCHES_AHEAD = 2;
/** Size of chunks whose entries may exceed a batch by much. Chunks of smaller entries have 4 MiB. */
const LARGE_CHUNK_BYTES = 4 * 1024 * 1024 + BATCH_BYTES;
/** Bytes of an entry besides its payload. */
const ENTRY_BYTES = 64;

/** Part of a recording whose files are open: returns its entries, batch by batch. Its methods throw Error, with the name of the file, if a file is damaged. */
export class OpenPart {
  readonly #files: PlayedPart;
  readonly #readers: readonly RecordingReader[];
  readonly #named: readonly ReadFile[];
  readonly #selects: (channel: RecordingChannel) => boolean;
  #entries: AsyncGenerator<RecordedEntry, void, undefined> | undefined;
  /** Memory that `facts` has reported: a part of the range must not take more. */
  #chunkBytes = MAX_CHUNK_BYTES;

  private constructor(files: PlayedPart, readers: readonly RecordingReader[]) {
    const keys = new Set(files.keys);
    this.#files = files;
    this.#readers = readers;
    this.#named = readers.map((reader, i): ReadFile => {
      const name = basename(files.paths[i] ?? "");
      const { hasExactTimes, memory, span } = reader;
      return {
        ...{ hasExactTimes, memory, span, chunks: (range) => reader.chunks(range) },
        largestEntries: (range, minChunkBytes) =>
          reader.largestEntries(range, minChunkBytes).catch((error: unknown) => {
            throw damaged(name, error);
          }),
        read: (range) => readNamed(name, reader.read(range)),
        readStream: (key, range, windowBytes) => readNamed(name, reader.readStream(key, range, windowBytes)),
      };
    });
    this.#selects = ({ stream }) => keys.has(stream.key);
  }

  /** Opens the files. */
  static async open(files: PlayedPart): Promise<OpenPart> {
    const readers: RecordingReader[] = [];
    try {
      const memory = new ChunkMemory();
      for (const path of files.paths) readers.push(await openWhole(path, memory));
      return new OpenPart(files, readers);
    } catch (error) {
      await closeAll(readers);
      throw error;
    }
  }

  /** Returns the facts about it. @throws Error if it would need too much memory */
  async facts(): Promise<OpenedPart> {
    const { fromMs, toMs } = this.#files;
    const range = { fromMs, toMs, selects: this.#selects };
    const { bytes: chunkBytes } = await planReading(this.#named, range);
    if (chunkBytes > MAX_CHUNK_BYTES)
      throw new Error(
        `the streams are far apart in the files, or their entries are large, so that ${mib(chunkBytes)} MiB of them would be in memory; at most ${mib(MAX_CHUNK_BYTES)} MiB are possible: select fewer streams, or a shorter time`,
      );
    this.#chunkBytes = chunkBytes;
    const metas = new Map<string, string>();
    for (const channel of this.#readers.flatMap(({ channels }) => channels))
      if (this.#selects(channel) && channel.stream.meta !== undefined)
        metas.set(channel.stream.key, metas.get(channel.stream.key) ?? channel.stream.meta);
    const batchBytes = Math.max(0, (await this.#largestEntry(range)) - BATCH_BYTES);
    return { metas: [...metas], bytes: chunkBytes + BATCHES_AHEAD * batchBytes };
  }

  /** Returns the size of the largest entry, or 0 if all entries are small. */
  async #largestEntry(range: RecordingRange): Promise<number> {
    let max = 0;
    for (const file of this.#named)
      for (const bytes of (await file.largestEntries(range, LARGE_CHUNK_BYTES)).values())
        max = Math.max(max, bytes);
    return max;
  }

  async seek(fromMs: number): Promise<void> {
    await this.#entries?.return();
    const range = { fromMs, toMs: this.#files.toMs, selects: this.#selects };
    this.#entries = readTogether(this.#named, range, this.#chunkBytes);
  }

  /** Reads the next entries. */
  async next(): Promise<NextEntries> {
    const groups: { stream: string; entries: StreamEntries["entries"][number][] }[] = [];
    let isLast = false;
    for (let bytes = 0, count = 0; bytes < BATCH_BYTES && count < BATCH_ENTRIES && !isLast; count++) {
      const { done, value } = (await this.#entries?.next()) ?? { done: true };
      if (done || value === undefined) isLast = true;
      else {
        const { stream, entry } = value;
        const last = groups.at(-1);
        if (last?.stream === stream.key) last.entries.push(entry);
        else groups.push({ stream: stream.key, entries: [entry] });
        bytes += entry.data.length + ENTRY_BYTES;
      }
    }
    return { batch: packEntries(groups), isLast };
  }

  async close(): Promise<void> {
    await this.#entries?.return().catch(() => undefined);
    await closeAll(this.#readers);
  }
}

/** Reads a file with errors that name it. */
async function* readNamed(
  name: string,
  entries: AsyncGenerator<RecordedEntry, void, undefined>,
): AsyncGenerator<RecordedEntry, void, undefined> {
  try {
    yield* entries;
  } catch (error) {
    throw damaged(name, error);
  }
}

const damaged = (name: string, error: unknown): Error =>
  new Error(`${name} is damaged: ${(error as Error).message}`);

const mib = (bytes: number): number => Math.ceil(bytes / 2 ** 20);

/** Opens a file that has its end. @throws Error that names it */
async function openWhole(path: string, memory: ChunkMemory): Promise<RecordingReader> {
  const name = basename(path);
  let reader: RecordingReader;
  try {
    reader = await openRecording(path, memory);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message.replaceAll(path, name)}`);
  }
  if (reader.isFinished) return reader;
  await reader[Symbol.asyncDispose]();
  throw new Error(`${name} is cut off: it has no end`);
}

async function closeAll(readers: readonly RecordingReader[]): Promise<void> {
  for (const reader of readers) await reader[Symbol.asyncDispose]();
}
