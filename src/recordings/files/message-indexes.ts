/** Indexes of messages, which follow their chunk and have the positions of all its messages. */
import { McapConstants, type McapTypes } from "@mcap/core";
import { chunkMessages, RECORD_HEAD_BYTES } from "../../wire/mcap/chunk-records.ts";

/** Bytes before the pairs of an index: channel, and length of the pairs. */
const INDEX_HEAD_BYTES = 2 + 4;
/** Bytes of a time and an offset. */
const PAIR_BYTES = 16;
/** Number of possible channel ids. */
const CHANNELS = 2 ** 16;

/** Reads the size of the largest message record of each channel of a chunk, without the chunk. @throws Error if the index is damaged */
export async function readLargestMessages(
  file: McapTypes.IReadable,
  chunk: McapTypes.ChunkIndex,
): Promise<ReadonlyMap<number, number>> {
  const places = await readPlaces(file, chunk);
  const largest = new Map<number, number>();
  places.forEach((place, i) => {
    const channel = place % CHANNELS;
    const next = places[i + 1];
    const end = next === undefined ? Number(chunk.uncompressedSize) : Math.floor(next / CHANNELS);
    largest.set(channel, Math.max(largest.get(channel) ?? 0, end - Math.floor(place / CHANNELS)));
  });
  return largest;
}

/**
 * Compares the records of a chunk with its indexes.
 *
 * @param indexes bytes of the indexes, which follow the chunk
 * @param records of the chunk, decompressed
 * @throws Error if a record is not whole, or if the indexes do not state the messages
 */
export function checkIndex(indexes: Uint8Array, chunk: McapTypes.ChunkIndex, records: Uint8Array): void {
  const places = checkedPlaces(indexes, chunk);
  const at = `the chunk at byte ${chunk.chunkStartOffset}`;
  let count = 0;
  for (const record of chunkMessages(records, chunk.chunkStartOffset)) {
    const { channelId, logTime } = record.message;
    if (places[count++] !== record.offset * CHANNELS + channelId)
      throw new Error(
        `the index of ${at} is damaged: it does not state the message at byte ${record.offset}`,
      );
    if (logTime < chunk.messageStartTime || logTime > chunk.messageEndTime)
      throw new Error(`the index of ${at} is damaged: a message has another time`);
  }
  if (count < places.length)
    throw new Error(`the index of ${at} is damaged: it has ${places.length} messages instead of ${count}`);
}

/** Reads the places of the messages of a chunk. @throws Error if its indexes are damaged */
async function readPlaces(file: McapTypes.IReadable, chunk: McapTypes.ChunkIndex): Promise<Float64Array> {
  const bytes = await file.read(chunk.chunkStartOffset + chunk.chunkLength, chunk.messageIndexLength);
  return checkedPlaces(bytes, chunk);
}

function checkedPlaces(indexes: Uint8Array, chunk: McapTypes.ChunkIndex): Float64Array {
  const places = placesIn(indexes);
  if (places === undefined)
    throw new Error(`the index of the chunk at byte ${chunk.chunkStartOffset} is damaged`);
  return places;
}

/** Returns the offsets of messages in their order, each as a number with its channel id; undefined if the bytes are not indexes. */
function placesIn(bytes: Uint8Array): Float64Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = new Float64Array(Math.floor(bytes.length / PAIR_BYTES));
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    const from = at + RECORD_HEAD_BYTES + INDEX_HEAD_BYTES;
    if (from > bytes.length || bytes[at] !== McapConstants.Opcode.MESSAGE_INDEX) return undefined;
    const channel = view.getUint16(at + RECORD_HEAD_BYTES, true);
    const end = from + view.getUint32(from - 4, true);
    if (end > bytes.length) return undefined;
    for (let pair = from; pair + PAIR_BYTES <= end; pair += PAIR_BYTES)
      places[count++] = Number(view.getBigUint64(pair + 8, true)) * CHANNELS + channel;
    at = end;
  }
  return places.subarray(0, count).sort();
}
