/** Reads the messages of chunks in the order of their times. */
import type { McapTypes } from "@mcap/core";
import { chunkMessages, readChunkMessage } from "../../wire/mcap/chunk-records.ts";

/** Selects messages by their heads. */
export type SelectMessage = (head: Pick<McapTypes.Message, "channelId" | "logTime">) => boolean;

/** A chunk in memory. */
interface OpenChunk {
  readonly start: bigint;
  readonly records: Uint8Array;
  /** Selected messages in the order of their times, then of the file. */
  readonly places: readonly Place[];
  /** The next one of them. */
  next: number;
}

interface Place {
  readonly offset: number;
  readonly logTime: bigint;
}

/**
 * Yields messages. Each chunk is in memory from its first to its last message.
 *
 * @param read returns the records of a chunk
 * @throws Error if a chunk is damaged
 */
export async function* timedMessages(
  chunks: readonly McapTypes.ChunkIndex[],
  read: (chunk: McapTypes.ChunkIndex) => Promise<Uint8Array>,
  isSelected: SelectMessage,
): AsyncGenerator<McapTypes.Message, void, undefined> {
  // The one that begins first is at the end.
  const waiting = chunks.toSorted((a, b) => compareTimes(b.messageStartTime, a.messageStartTime));
  /** In the order of their next messages. */
  const open: OpenChunk[] = [];
  for (;;) {
    const [first] = open;
    const place = first?.places[first.next];
    const unopened = waiting.at(-1);
    if (unopened !== undefined && (place === undefined || unopened.messageStartTime <= place.logTime)) {
      waiting.pop();
      insert(open, await openChunk(unopened, read, isSelected));
      continue;
    }
    if (first === undefined || place === undefined) return;
    yield readChunkMessage(first.records, place.offset);
    first.next++;
    if (open.length === 1 && first.next < first.places.length) continue;
    open.shift();
    insert(open, first);
  }
}

async function openChunk(
  chunk: McapTypes.ChunkIndex,
  read: (chunk: McapTypes.ChunkIndex) => Promise<Uint8Array>,
  isSelected: SelectMessage,
): Promise<OpenChunk> {
  const records = await read(chunk);
  const places: Place[] = [];
  for (const { offset, message } of chunkMessages(records, chunk.chunkStartOffset))
    if (isSelected(message)) places.push({ offset, logTime: message.logTime });
  places.sort((a, b) => compareTimes(a.logTime, b.logTime));
  return { start: chunk.chunkStartOffset, records, places, next: 0 };
}

/** Inserts a chunk before the first one whose next message is later, unless all its messages are read. */
function insert(open: OpenChunk[], chunk: OpenChunk): void {
  const time = timeOf(chunk);
  if (time === undefined) return;
  const at = open.findIndex((other) => {
    const otherTime = timeOf(other) ?? 0n;
    return otherTime > time || (otherTime === time && other.start > chunk.start);
  });
  open.splice(at < 0 ? open.length : at, 0, chunk);
}

const timeOf = ({ places, next }: OpenChunk): bigint | undefined => places[next]?.logTime;

const compareTimes = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
