/** Facts about a finished file: its streams with their last ids, counts, times and gaps. Reads its indexes, not its entries. */
import { open } from "node:fs/promises";
import { McapIndexedReader, type McapTypes } from "@mcap/core";
import type { Gap } from "../../domain/streams/entry.ts";
import { type EntryId, parseId } from "../../domain/streams/entry-id.ts";
import { idOfLogTime } from "../../wire/foxglove/log-time.ts";
import { chunkMessages, RECORD_HEAD_BYTES, readChunkMessage } from "../../wire/mcap/chunk-records.ts";
import { EntryDecoder } from "../../wire/mcap/entry-decoder.ts";
import { GAP_RECORD } from "../../wire/mcap/entry-writer.ts";
import { isFieldsChannel, streamOfChannel } from "../../wire/mcap/recorded-channel.ts";
import { openDecompression } from "../decompression.ts";
import { MAX_GAPS } from "../recording-status.ts";
import { readChunk } from "./chunk-cache.ts";
import { readableOf } from "./readable-file.ts";
import { spanOf, type TimeSpan } from "./time-span.ts";

/** Facts about a file. */
export interface FileFacts {
  readonly bytes: number;
  readonly entries: number;
  /** Undefined without entries. */
  readonly span: TimeSpan | undefined;
  /** Last entry of each stream, in the order of the file. */
  readonly lastIds: ReadonlyMap<string, EntryId>;
  readonly gapCount: number;
  /** The newest gaps, oldest first. */
  readonly gaps: readonly Gap[];
}

/** Reads the facts of a finished file. @param maxGaps maximum number of gaps that are read @throws Error if it is damaged */
export async function readFileFacts(path: string, maxGaps = MAX_GAPS): Promise<FileFacts> {
  const file = await open(path, "r");
  try {
    const readable = readableOf(file);
    const reader = await McapIndexedReader.Initialize({ readable });
    const indexes = reader.metadataIndexes.filter(({ name }) => name === GAP_RECORD);
    const gaps: Gap[] = [];
    for (const index of indexes.slice(-maxGaps)) {
      const gap = parseGap(await readMetadata(readable, index));
      if (gap !== undefined) gaps.push(gap);
    }
    return {
      bytes: Number(await readable.size()),
      entries: entriesOf(reader),
      span: spanOf(reader),
      lastIds: await readLastIds(reader, readable),
      gapCount: indexes.length,
      gaps,
    };
  } finally {
    await file.close();
  }
}

function entriesOf({ statistics, channelsById }: McapIndexedReader): number {
  let entries = 0;
  for (const [id, count] of statistics?.channelMessageCounts ?? []) {
    const channel = channelsById.get(id);
    if (channel !== undefined && !isFieldsChannel(channel)) entries += Number(count);
  }
  return entries;
}

/** Place of a message in a file. */
interface MessagePlace {
  readonly chunk: McapTypes.ChunkIndex;
  /** Position in the records of the chunk. */
  readonly offset: bigint;
  readonly logTime: bigint;
}

async function readLastIds(
  reader: McapIndexedReader,
  readable: McapTypes.IReadable,
): Promise<ReadonlyMap<string, EntryId>> {
  // The chunks are in the order of the file, which is the order of their entries.
  const chunks = [...reader.chunkIndexes].sort((a, b) => (a.chunkStartOffset < b.chunkStartOffset ? 1 : -1));
  const lastPlaces = new Map<string, MessagePlace>();
  for (const channel of reader.channelsById.values()) {
    const key = streamOfChannel(channel)?.key;
    if (key === undefined || isFieldsChannel(channel)) continue;
    const place = await lastMessage(channel.id, chunks, readable);
    const known = lastPlaces.get(key);
    if (place !== undefined && (known === undefined || isAfter(place, known))) lastPlaces.set(key, place);
  }
  const ids = new Map<string, EntryId>();
  for (const [key, place] of lastPlaces)
    ids.set(
      key,
      isExact(place) ? idOfLogTime(place.logTime) : await decodeLast(reader, key, place, readable),
    );
  return ids;
}

const isAfter = (one: MessagePlace, other: MessagePlace): boolean =>
  one.chunk.chunkStartOffset === other.chunk.chunkStartOffset
    ? one.offset > other.offset
    : one.chunk.chunkStartOffset > other.chunk.chunkStartOffset;

/** Bytes of a message index before its entries. */
const INDEX_HEAD_BYTES = 2 + 4;
const INDEX_ENTRY_BYTES = 16;

/** Finds the last message of a channel. @param chunks the last one first */
async function lastMessage(
  channelId: number,
  chunks: readonly McapTypes.ChunkIndex[],
  readable: McapTypes.IReadable,
): Promise<MessagePlace | undefined> {
  const chunk = chunks.find(({ messageIndexOffsets }) => messageIndexOffsets.has(channelId));
  const start = chunk?.messageIndexOffsets.get(channelId);
  if (chunk === undefined || start === undefined) return undefined;
  const head = viewOf(await readable.read(start, BigInt(RECORD_HEAD_BYTES + INDEX_HEAD_BYTES)));
  const length = head.getUint32(RECORD_HEAD_BYTES + 2, true);
  const entries = viewOf(
    await readable.read(start + BigInt(RECORD_HEAD_BYTES + INDEX_HEAD_BYTES), BigInt(length)),
  );
  let last: MessagePlace | undefined;
  for (let at = 0; at + INDEX_ENTRY_BYTES <= length; at += INDEX_ENTRY_BYTES) {
    const offset = entries.getBigUint64(at + 8, true);
    if (last === undefined || offset > last.offset)
      last = { chunk, offset, logTime: entries.getBigUint64(at, true) };
  }
  return last;
}

/** Whether a log time states an id that it can represent for certain: greater sequences, and later years, share the greatest one. */
const isExact = ({ logTime }: MessagePlace): boolean =>
  logTime % 1_000_000n !== 999_999n && logTime < 18_446_744_073_709_000_000n;

/** Decodes the entries of a stream in a chunk. @returns the id of the last one */
async function decodeLast(
  reader: McapIndexedReader,
  key: string,
  { chunk, logTime }: MessagePlace,
  readable: McapTypes.IReadable,
): Promise<EntryId> {
  const decoder = new EntryDecoder();
  for (const channel of reader.channelsById.values())
    if (streamOfChannel(channel)?.key === key)
      decoder.open(channel, reader.schemasById.get(channel.schemaId));
  let last = idOfLogTime(logTime);
  const records = await readChunk(readable, chunk, await openDecompression());
  for (const { offset } of chunkMessages(records, chunk.chunkStartOffset)) {
    const id = decoder.decode(readChunkMessage(records, offset))?.entry.id;
    if (id !== undefined) last = id;
  }
  return last;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);

/** Reads the members of a metadata record. */
async function readMetadata(
  readable: McapTypes.IReadable,
  { offset, length }: McapTypes.MetadataIndex,
): Promise<ReadonlyMap<string, string>> {
  const bytes = await readable.read(offset + BigInt(RECORD_HEAD_BYTES), length - BigInt(RECORD_HEAD_BYTES));
  const view = viewOf(bytes);
  let at = 0;
  const text = () => {
    const size = view.getUint32(at, true);
    at += 4 + size;
    return Buffer.from(bytes.buffer, bytes.byteOffset + at - size, size).toString();
  };
  text();
  at += 4;
  const members = new Map<string, string>();
  while (at < bytes.length) members.set(text(), text());
  return members;
}

function parseGap(members: ReadonlyMap<string, string>): Gap | undefined {
  const after = parseId(members.get("after") ?? "");
  const before = parseId(members.get("before") ?? "");
  const stream = members.get("stream");
  return stream === undefined || after === undefined || before === undefined
    ? undefined
    : { stream, after, before };
}
