/** Sizes of messages by the indexes after their chunk, which have the positions of all messages: the chunk need not be read. */
import { McapConstants, type McapTypes } from "@mcap/core";
import { RECORD_HEAD_BYTES } from "../../wire/mcap/chunk-records.ts";

/** Bytes before the pairs of an index: channel, and length of the pairs. */
const INDEX_HEAD_BYTES = 2 + 4;
/** Bytes of a time and an offset. */
const PAIR_BYTES = 16;
/** Number of possible channel ids. */
const CHANNELS = 2 ** 16;

/** Reads the size of the largest message record of each channel of a chunk. @throws Error if the index is damaged */
export async function readLargestMessages(
  file: McapTypes.IReadable,
  chunk: McapTypes.ChunkIndex,
): Promise<ReadonlyMap<number, number>> {
  const bytes = await file.read(chunk.chunkStartOffset + chunk.chunkLength, chunk.messageIndexLength);
  const places = placesIn(bytes);
  if (places === undefined)
    throw new Error(`the index of the chunk at byte ${chunk.chunkStartOffset} is damaged`);
  const largest = new Map<number, number>();
  places.forEach((place, i) => {
    const channel = place % CHANNELS;
    const next = places[i + 1];
    const end = next === undefined ? Number(chunk.uncompressedSize) : Math.floor(next / CHANNELS);
    largest.set(channel, Math.max(largest.get(channel) ?? 0, end - Math.floor(place / CHANNELS)));
  });
  return largest;
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
