/**
 * Windows of streams: parts of their entries in a chunk, copied from it, so that the chunk need not stay in memory. Many streams can
 * then be read side by side in fixed memory; each chunk is read again for each window.
 */
import type { McapTypes } from "@mcap/core";
import { chunkMessages, readChunkMessage } from "../../wire/mcap/chunk-records.ts";
import type { RecordedEntry } from "../../wire/mcap/entry-decoder.ts";
import type { SelectMessage } from "./timed-messages.ts";

/** Memory of an entry besides its payload. */
export const ENTRY_BYTES = 256;

/** A part of the entries of a stream in a chunk. */
export interface StreamWindow {
  readonly entries: readonly RecordedEntry[];
  /** Offset of the record after it; undefined at the end of the chunk. */
  readonly next: number | undefined;
}

/**
 * Copies entries from a chunk.
 *
 * @param records of the chunk
 * @param start position of the chunk in the file
 * @param from offset of the first record
 * @param windowBytes size from which the window is full; its last message may exceed it
 * @param isSelected whether a message belongs to the stream and its range
 * @param decode returns the entry of a message; undefined if the message is only a part of one
 */
export function readWindow(
  records: Uint8Array,
  start: bigint,
  from: number,
  windowBytes: number,
  isSelected: SelectMessage,
  decode: (message: McapTypes.Message) => RecordedEntry | undefined,
): StreamWindow {
  const entries: RecordedEntry[] = [];
  let bytes = 0;
  for (const { offset, message } of chunkMessages(records, start, from)) {
    if (bytes >= windowBytes) return { entries, next: offset };
    if (!isSelected(message)) continue;
    const whole = readChunkMessage(records, offset);
    // A Buffer, which decompression returns, has a `slice` that does not copy: each entry would keep its whole chunk in memory.
    const entry = decode({ ...whole, data: Buffer.from(whole.data) });
    bytes += whole.data.length + ENTRY_BYTES;
    if (entry !== undefined) entries.push(entry);
  }
  return { entries, next: undefined };
}
