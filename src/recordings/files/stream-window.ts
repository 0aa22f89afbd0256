/**
 * Windows of streams: parts of their entries in a chunk, copied from it, so that the chunk need not stay in memory. Many streams can
 * then be read side by side in fixed memory; each chunk is read again for each window.
 */
import type { McapTypes } from "@mcap/core";
import { chunkRecords, readChunkMessage } from "../../wire/mcap/chunk-records.ts";
import type { RecordedEntry } from "../../wire/mcap/entry-decoder.ts";

/** Memory of an entry besides its payload. */
const ENTRY_BYTES = 256;

/** Memory of the windows of all streams that are read side by side. */
export class WindowMemory {
  /** Size from which a window is full. */
  readonly windowBytes: number;
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes limit of all windows: the last entry of each one may be large */
  constructor(windowBytes: number, maxBytes: number) {
    this.windowBytes = windowBytes;
    this.#maxBytes = maxBytes;
  }

  /** @throws Error if the windows exceed their limit */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes)
      throw new Error(
        `the entries that must be in memory together exceed ${Math.floor(this.#maxBytes / 2 ** 20)} MiB: select fewer streams`,
      );
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** A part of the entries of a stream in a chunk. */
export interface StreamWindow {
  readonly entries: readonly RecordedEntry[];
  readonly bytes: number;
  /** Offset of the record after it; undefined at the end of the chunk. */
  readonly next: number | undefined;
}

/**
 * Copies entries from a chunk.
 *
 * @param records of the chunk
 * @param from offset of the first record
 * @param isSelected whether a message belongs to the stream and its range
 * @param decode returns the entry of a message; undefined if the message is only a part of one
 */
export function readWindow(
  records: Uint8Array,
  from: number,
  windowBytes: number,
  isSelected: (head: Pick<McapTypes.Message, "channelId" | "logTime">) => boolean,
  decode: (message: McapTypes.Message) => RecordedEntry | undefined,
): StreamWindow {
  const entries: RecordedEntry[] = [];
  let bytes = 0;
  for (const { offset, message } of chunkRecords(records, from)) {
    if (bytes >= windowBytes) return { entries, bytes, next: offset };
    if (message === undefined || !isSelected(message)) continue;
    const whole = readChunkMessage(records, offset);
    const entry = decode({ ...whole, data: whole.data.slice() });
    bytes += whole.data.length + ENTRY_BYTES;
    if (entry !== undefined) entries.push(entry);
  }
  return { entries, bytes, next: undefined };
}
