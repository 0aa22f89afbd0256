/**
 * Messages of the chunk that is being filled: encoded into one buffer, which the next chunk uses again. The builder of `@mcap/core`
 * copies it, and leaves a buffer to the garbage collector whenever it grows: tens of megabytes per file.
 */
import { McapConstants } from "@mcap/core";
import type { Pieces } from "../pieces.ts";
import { MESSAGE_HEAD_BYTES, RECORD_HEAD_BYTES } from "./chunk-records.ts";

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

/** Chunk to which messages are added. */
export class OpenChunk {
  readonly #onUnused: ((bytes: Uint8Array) => void) | undefined;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #indexes = new Map<number, [logTime: bigint, offset: bigint][]>();
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
    return this.#indexes.size === 0;
  }

  /** Times of the first and the last message, in the order of time. */
  get times(): { readonly messageStartTime: bigint; readonly messageEndTime: bigint } {
    return { messageStartTime: this.#startTime, messageEndTime: this.#endTime };
  }

  /** Its records, valid until the next message or the reset. */
  get records(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Times and positions of its messages, by channel. */
  get indexes(): ReadonlyMap<number, [logTime: bigint, offset: bigint][]> {
    return this.#indexes;
  }

  addMessage({ channelId, sequence, logTime, publishTime, data }: ChunkMessage): void {
    let dataBytes = 0;
    for (const piece of data) dataBytes += piece.length;
    if (this.isEmpty || logTime < this.#startTime) this.#startTime = logTime;
    if (this.isEmpty || logTime > this.#endTime) this.#endTime = logTime;
    const index = this.#indexes.get(channelId);
    const place: [bigint, bigint] = [logTime, BigInt(this.#length)];
    if (index === undefined) this.#indexes.set(channelId, [place]);
    else index.push(place);
    const at = this.#length;
    const end = at + RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES + dataBytes;
    this.#reserve(end);
    const view = this.#view;
    view.setUint8(at, Opcode.MESSAGE);
    view.setBigUint64(at + 1, BigInt(MESSAGE_HEAD_BYTES + dataBytes), true);
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
    this.#indexes.clear();
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#replace(new Uint8Array(FIRST_BYTES));
  }

  #reserve(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
    grown.set(this.#bytes);
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#onUnused?.(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
