/** Entries that a subscription has received, and its client has not read yet. */
import { createFifo } from "../../../domain/fifo.ts";
import type { Entry, Gap, StreamEntries } from "../../../domain/streams/entry.ts";
import type { Reservation } from "../../../live/sink.ts";

/** Entries of one subscription event. */
export interface FollowedEntries {
  readonly stream: string;
  readonly entries: readonly Entry[];
  /** Gap before the entries. */
  readonly gap?: Gap;
}

/** Delivery of entries. */
interface ReadyOptions {
  /** Maximum number of entries in one event. */
  readonly count: number;
  /** Any entry fills the queue. */
  readonly latest: boolean;
  readonly highWaterBytes: number;
}

/** Memory of a waiting entry besides its payload, in bytes. */
const ENTRY_BYTES = 256;

/** Queue of events. */
export class ReadyEntries {
  readonly #lease: Pick<Reservation, "set">;
  readonly #options: ReadyOptions;
  /** A taken event leaves it at once: the queue of a slow client may never be empty. */
  readonly #ready = createFifo<FollowedEntries>();
  #bytes = 0;
  #drained: (() => void) | undefined;
  /** Gaps that are reported with the next entries of their stream. */
  readonly #gaps = new Map<string, Gap>();

  /** @param lease memory of the entries */
  constructor(lease: Pick<Reservation, "set">, options: ReadyOptions) {
    this.#lease = lease;
    this.#options = options;
  }

  /** Adds entries, as events of at most `count` entries. */
  add(streams: readonly StreamEntries[]): void {
    const { count } = this.#options;
    for (const { stream, entries } of streams)
      for (let from = 0; from < entries.length; from += count) {
        const part = entries.slice(from, from + count);
        const gap = this.#gaps.get(stream);
        this.#gaps.delete(stream);
        this.#ready.add(gap === undefined ? { stream, entries: part } : { stream, entries: part, gap });
        this.#bytes += bytesOf(part);
      }
    this.#lease.set(this.#bytes);
  }

  addGap(gap: Gap): void {
    this.#gaps.set(gap.stream, gap);
  }

  isFull(): boolean {
    const { latest, highWaterBytes } = this.#options;
    return this.#ready.size > 0 && (latest || this.#bytes > highWaterBytes);
  }

  whenDrained(callback: () => void): void {
    this.#drained = callback;
  }

  /** Removes and returns the next event. */
  take(): FollowedEntries | undefined {
    const next = this.#ready.take();
    if (next === undefined) return undefined;
    this.#bytes -= bytesOf(next.entries);
    this.#lease.set(this.#bytes);
    if (this.#ready.size > 0) return next;
    const callback = this.#drained;
    this.#drained = undefined;
    // Deferred, so that entries written by the callback are delivered after the current ones.
    if (callback !== undefined) setImmediate(callback);
    return next;
  }
}

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { data } of entries) bytes += data.length + ENTRY_BYTES;
  return bytes;
}
