/**
 * Times and positions of the messages of a chunk, and their records in the file. They are kept in arrays of numbers, which the next
 * chunk uses again: a list of pairs would be most of the garbage of a file of small messages.
 */
import { McapConstants } from "@mcap/core";
import { RECORD_HEAD_BYTES } from "./chunk-records.ts";

/** Messages for which the first arrays have room. */
const FIRST_MESSAGES = 1024;
/** Maximum number of messages whose arrays are kept for the next chunk. */
const MAX_KEPT_MESSAGES = 128 * 1024;
/** Bytes of a message in its record: its time and its position. */
const ITEM_BYTES = 16;
/** Bytes of the channel, and of the length of the items. */
const INDEX_HEAD_BYTES = 2 + 4;

/** Encoded index of a chunk. */
export interface EncodedIndex {
  /** A record for each channel. */
  readonly bytes: Uint8Array;
  /** Position of the record of each channel in these bytes. */
  readonly offsets: ReadonlyMap<number, number>;
  /** Number of messages of each channel. */
  readonly counts: ReadonlyMap<number, number>;
}

/** Index of the messages of one chunk. */
export class MessageIndex {
  #channels = new Uint16Array(FIRST_MESSAGES);
  #times = new BigUint64Array(FIRST_MESSAGES);
  #offsets = new Float64Array(FIRST_MESSAGES);
  #length = 0;

  /** Number of messages. */
  get length(): number {
    return this.#length;
  }

  /** Adds a message. @param offset position in the records of the chunk */
  add(channelId: number, logTime: bigint, offset: number): void {
    if (this.#length === this.#channels.length) this.#grow();
    const at = this.#length++;
    this.#channels[at] = channelId;
    this.#times[at] = logTime;
    this.#offsets[at] = offset;
  }

  /** Encodes the records, in the order of the first messages of the channels. */
  encode(): EncodedIndex {
    const counts = new Map<number, number>();
    const channels = this.#channels.subarray(0, this.#length);
    for (const channel of channels) counts.set(channel, (counts.get(channel) ?? 0) + 1);
    const offsets = new Map<number, number>();
    /** Position of the next item of each channel. */
    const ends = new Map<number, number>();
    const headBytes = RECORD_HEAD_BYTES + INDEX_HEAD_BYTES;
    const bytes = new Uint8Array(counts.size * headBytes + this.#length * ITEM_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [channel, count] of counts) {
      const itemBytes = count * ITEM_BYTES;
      view.setUint8(at, McapConstants.Opcode.MESSAGE_INDEX);
      view.setBigUint64(at + 1, BigInt(INDEX_HEAD_BYTES + itemBytes), true);
      view.setUint16(at + RECORD_HEAD_BYTES, channel, true);
      view.setUint32(at + RECORD_HEAD_BYTES + 2, itemBytes, true);
      offsets.set(channel, at);
      ends.set(channel, at + headBytes);
      at += headBytes + itemBytes;
    }
    channels.forEach((channel, i) => {
      const end = ends.get(channel) ?? 0;
      view.setBigUint64(end, this.#times[i] ?? 0n, true);
      setUint64(view, end + 8, this.#offsets[i] ?? 0);
      ends.set(channel, end + ITEM_BYTES);
    });
    return { bytes, offsets, counts };
  }

  /** Removes all messages. */
  reset(): void {
    this.#length = 0;
    if (this.#channels.length > MAX_KEPT_MESSAGES) this.#resize(FIRST_MESSAGES);
  }

  #grow(): void {
    const [channels, times, offsets] = [this.#channels, this.#times, this.#offsets];
    this.#resize(2 * this.#length);
    this.#channels.set(channels);
    this.#times.set(times);
    this.#offsets.set(offsets);
  }

  #resize(messages: number): void {
    this.#channels = new Uint16Array(messages);
    this.#times = new BigUint64Array(messages);
    this.#offsets = new Float64Array(messages);
  }
}

/** Writes an integer below 2^53 as 64 bits, without a `BigInt`. */
export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
