/**
 * Messages of the chunk that is being filled: encoded into one buffer, which the next chunk uses again. The builder of `@mcap/core`
 * copies it, and leaves a buffer to the garbage collector whenever it grows: tens of megabytes per file.
 */
import { McapConstants } from "@mcap/core";
import type { Pieces } from "../pieces.ts";
import { MESSAGE_HEAD_BYTES, RECORD_HEAD_BYTES } from "./chunk-records.ts";
import { type EncodedIndex, MessageIndex, setUint64 } from "./message-index.ts";

const { Opcode } = McapConstants;

/** A message, with its data in pieces. */
export interface ChunkMessage {
  readonly channelId: number;
  readonly sequence: number;
  readonly logTime: bigint;
  readonly publishTime: bigint;
  readonly data: Pieces;
}

/** Size of the first buffer, and of the greatest one that is kept for the next chunk. */
const FIRST_BYTES = 64 * 1024;
const MAX_KEPT_BYTES = 8 * 1024 * 1024;
/** Size from which a buffer grows to the greatest kept one at once. Memory that is not used costs nothing, but the smaller buffers would. */
const GROWS_AT_ONCE_FROM_BYTES = 512 * 1024;

/** Chunk to which messages are added. */
export class OpenChunk {
  readonly #onUnused: ((bytes: Uint8Array) => void) | undefined;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #index = new MessageIndex();
  #startTime = 0n;
  #endTime = 0n;

  /** @param onUnused receives buffers that are not needed any more */
  constructor(onUnused: ((bytes: Uint8Array) => void) | undefined) {
    this.#onUnused = onUnused;
  }

  get byteLength(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#index.length === 0;
  }

  /** Times of the first and the last message, in the order of time. */
  get times(): { readonly messageStartTime: bigint; readonly messageEndTime: bigint } {
    return { messageStartTime: this.#startTime, messageEndTime: this.#endTime };
  }

  /** Its records, valid until the next message or the reset. */
  get records(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Encodes the times and positions of its messages, by channel. */
  encodeIndex(): EncodedIndex {
    return this.#index.encode();
  }

  addMessage({ channelId, sequence, logTime, publishTime, data }: ChunkMessage): void {
    let dataBytes = 0;
    for (const piece of data) dataBytes += piece.length;
    if (this.isEmpty || logTime < this.#startTime) this.#startTime = logTime;
    if (this.isEmpty || logTime > this.#endTime) this.#endTime = logTime;
    const at = this.#length;
    this.#index.add(channelId, logTime, at);
    const end = at + RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES + dataBytes;
    this.#reserve(end);
    const view = this.#view;
    view.setUint8(at, Opcode.MESSAGE);
    setUint64(view, at + 1, MESSAGE_HEAD_BYTES + dataBytes);
    const head = at + RECORD_HEAD_BYTES;
    view.setUint16(head, channelId, true);
    view.setUint32(head + 2, sequence, true);
    view.setBigUint64(head + 6, logTime, true);
    view.setBigUint64(head + 14, publishTime, true);
    let next = head + MESSAGE_HEAD_BYTES;
    for (const piece of data) {
      this.#bytes.set(piece, next);
      next += piece.length;
    }
    this.#length = end;
  }

  /** Empties the chunk. */
  reset(): void {
    this.#length = 0;
    this.#index.reset();
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#replace(new Uint8Array(FIRST_BYTES));
  }

  /** Frees its memory. It must not be used afterwards. */
  free(): void {
    this.#onUnused?.(this.#bytes);
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const { length } = this.#bytes;
    const next = length < GROWS_AT_ONCE_FROM_BYTES ? 2 * length : Math.max(MAX_KEPT_BYTES, 2 * length);
    const grown = new Uint8Array(Math.max(size, next));
    grown.set(this.#bytes);
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#onUnused?.(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
