/**
 * One stream of a continuous delivery: receives batches from the hub, or entries that were read, and sends them.
 *
 * Each batch passes this object for each of its readers, often hundreds of times per turn of the event loop, and most of them
 * are not in the processor's cache by then. So it is one object without closures, and sending looks at few others.
 */
import { bytesOf, type Entry } from "../domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../domain/streams/entry-id.ts";
import { BackgroundStream } from "./background/reads.ts";
import { type Batch, firstPast, frameOf } from "./batch.ts";
import type { FramedBatch } from "./cache/history-page.ts";
import type { DeliveryContext } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import type { StreamState } from "./stream-state.ts";

/** Live batches of at least this size (bytes) are not sent while the memory budget is exhausted. */
const LARGE_BATCH_BYTES = 256 * 1024;

/** A stream that catches up, is being read, is attached to the hub, or was removed. */
export class ContinuousStream<Frame> implements LiveReader {
  phase: "catching-up" | "reading" | "live" | "removed" = "catching-up";
  readonly state: StreamState;
  /** Undefined unless the subscription yields to clients. */
  readonly background: BackgroundStream | undefined;
  readonly #context: DeliveryContext<Frame>;
  /** Key of the frames of whole batches; undefined if frames are not shared. */
  readonly frameKey: string | undefined;
  readonly #onDenied: (stream: ContinuousStream<Frame>) => void;

  /** @param onDenied there was no memory for a live batch, and the stream should detach */
  constructor(
    context: DeliveryContext<Frame>,
    state: StreamState,
    onDenied: (stream: ContinuousStream<Frame>) => void,
  ) {
    const { form } = context.encoder;
    this.#context = context;
    this.state = state;
    this.background = context.background && new BackgroundStream(context.background);
    this.frameKey = form === undefined ? undefined : context.frameKeys.of(form, state.name);
    this.#onDenied = onDenied;
  }

  take(batch: Batch): boolean {
    if (batch.bytes >= LARGE_BATCH_BYTES) {
      if (!this.#context.reserve(batch.bytes)) {
        this.#onDenied(this);
        return true;
      }
      this.#context.unreserve(batch.bytes);
    }
    return this.sendBatch(batch);
  }

  onGap(): void {
    this.state.hasGap = true;
  }

  onBeginning(before: EntryId): void {
    const { state } = this;
    if (state.cursor !== FIRST_ID && compareIds(before, state.cursor) > 0) state.hasGap = true;
  }

  onRecreated(): void {
    this.#context.gaps.follow(this.state);
  }

  onError(error: unknown): void {
    this.#context.onError(error);
  }

  /** Sends the entries of a batch after the cursor. @returns whether they are sent and nothing uses the batch's memory */
  sendBatch(batch: Batch): boolean {
    const { state } = this;
    if (batch.after !== state.cursor) {
      const from = firstPast(batch.entries, state.cursor);
      if (from > 0) {
        this.sendEntries(batch.entries.slice(from));
        return false;
      }
    }
    if (this.#context.encoder.maxFrameEntries !== undefined) {
      this.sendEntries(batch.entries);
      return false;
    }
    if (state.hasGap) this.#reportGap(batch.entries);
    this.#count(batch.last, batch.entries.length, batch.bytes);
    return this.#context.write(frameOf(batch, this.frameKey, this.#context, state));
  }

  /** Sends a batch whose entries are no longer in memory. */
  sendFramed({ first, last, count, bytes, frame }: FramedBatch): void {
    const { state } = this;
    if (state.hasGap) this.#context.gaps.report(state, first);
    this.#count(last, count, bytes);
    // Encoders with the same key produce the same frames.
    this.#context.write(frame as Frame);
  }

  /**
   * Sends entries that are not a whole batch, so that no other reader shares their frame. If they need several frames and the
   * sink is full before the last one, the stream catches up with the other entries later.
   */
  sendEntries(entries: readonly Entry[]): void {
    const size = this.#context.encoder.maxFrameEntries?.() ?? entries.length;
    if (entries.length <= size) {
      this.#sendFrame(entries);
      return;
    }
    for (let from = 0; from < entries.length && !this.#context.isHalted(); from += size)
      this.#sendFrame(entries.slice(from, from + size));
  }

  #sendFrame(entries: readonly Entry[]): void {
    const { state } = this;
    const last = entries[entries.length - 1];
    if (last === undefined) return;
    if (state.hasGap) this.#reportGap(entries);
    this.#count(last.id, entries.length, bytesOf(entries));
    this.#context.write(this.#context.encoder.encode([{ stream: state.name, entries }]));
  }

  /** Counts entries that are about to be sent. */
  #count(last: EntryId, entries: number, bytes: number): void {
    const { state } = this;
    state.cursor = last;
    state.counters.entriesOut += entries;
    state.counters.bytesOut += bytes;
  }

  #reportGap([first]: readonly Entry[]): void {
    if (first !== undefined) this.#context.gaps.report(this.state, first.id);
  }
}
