/**
 * On-demand delivery: sends one frame at a time with the next `count` entries of each stream, or with `latest` the newest
 * ones. The subscription may be paused between frames by an acknowledgement or a rate limit. Entries that arrive during a
 * pause stay in Redis, or are skipped with `latest`.
 */
import { bytesOf, type Entry, type StreamEntries } from "../domain/streams/entry.ts";
import { type Conflation, createConflation } from "./conflation-counter.ts";
import type { Delivery, DeliveryContext } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import { LongFrame } from "./long-frame.ts";
import { retryLater } from "./retry.ts";
import type { StreamState } from "./stream-state.ts";

/** Options of on-demand delivery. */
export interface OnDemandOptions {
  /** Maximum entries of each stream in a frame. */
  readonly count: number;
  /** Send the newest entries only and skip older ones. */
  readonly latest: boolean;
  /** Called with each frame of the newest entries: how many entries of a stream were skipped before it, mostly 0. */
  readonly onSkipped?: (name: string, entries: number) => void;
}

/** The next entries of each stream, in the order of the subscription. */
type NextEntries = readonly (readonly Entry[])[];

/** Delivery of a subscription that sends one frame at a time. */
export class OnDemandDelivery<Frame> implements Delivery {
  readonly #context: DeliveryContext<Frame>;
  readonly #options: OnDemandOptions;
  /** Replaced when streams are added or removed, so that a read in progress keeps its list. */
  #states: readonly StreamState[];
  readonly #attached = new Set<StreamState>();
  /** One per stream; none without `latest`. */
  readonly #conflations = new Map<StreamState, Conflation>();
  readonly #reader: LiveReader;
  #isReading = false;
  /** Cancelled if the subscription is halted, or a stream created again: the entries may not follow the cursor any more. */
  readonly #longFrame: LongFrame<Frame>;
  #isRunScheduled = false;

  constructor(context: DeliveryContext<Frame>, options: OnDemandOptions) {
    this.#context = context;
    this.#options = options;
    this.#states = context.states;
    this.#longFrame = new LongFrame(context);
    for (const state of context.states) this.#countConflated(state);
    this.#reader = {
      take: () => {
        this.#scheduleRun();
        return false;
      },
      // The entries after the gap are not in memory, so they are read from Redis, and that read reports the gap.
      onGap: () => undefined,
      // Memory does not continue a cursor before its first entry, so the entries are read from Redis, which detects the gap.
      onBeginning: () => undefined,
      onRecreated: () => {
        this.#longFrame.cancel();
        this.#scheduleRun();
      },
      onError: (error) => context.onError(error),
    };
  }

  run(): void {
    const context = this.#context;
    while (!context.isHalted() && !this.#isReading && !this.#longFrame.isEncoding) {
      for (const state of this.#states) context.gaps.follow(state);
      const found = this.#states.map((state) => this.#fromMemory(state));
      if (found.includes(undefined)) {
        this.#read(found);
        return;
      }
      if (
        this.#sendAll(
          this.#states,
          found.map((entries) => entries ?? []),
        )
      )
        continue;
      if (this.#attachAll()) {
        context.caughtUp();
        return;
      }
    }
  }

  isEncoding(): boolean {
    return this.#longFrame.isEncoding;
  }

  halt(): void {
    this.#longFrame.cancel();
    for (const state of this.#attached) this.#context.hub.detach(state.key, this.#reader);
    this.#attached.clear();
    for (const state of this.#states) {
      state.isAtEnd = false;
      state.lastRead = undefined;
    }
  }

  add(state: StreamState): void {
    this.#states = [...this.#states, state];
    this.#countConflated(state);
    this.#scheduleRun();
  }

  remove(state: StreamState): void {
    this.#states = this.#states.filter((one) => one !== state);
    this.#conflations.delete(state);
    // A frame that is being encoded may have entries of the stream.
    this.#longFrame.cancel();
    if (this.#attached.delete(state)) this.#context.hub.detach(state.key, this.#reader);
  }

  #countConflated(state: StreamState): void {
    if (this.#options.latest) this.#conflations.set(state, createConflation(this.#context.hub, state));
  }

  /** Runs after the hub has distributed all streams of a read, so that their entries share a frame. */
  #scheduleRun(): void {
    if (this.#isRunScheduled) return;
    this.#isRunScheduled = true;
    queueMicrotask(() => {
      this.#isRunScheduled = false;
      try {
        this.run();
      } catch (error) {
        this.#context.onError(error);
      }
    });
  }

  /** Returns the entries after the cursor from memory; undefined if they must be read from Redis. */
  #fromMemory(state: StreamState): readonly Entry[] | undefined {
    const { key, cursor, isAtEnd } = state;
    const { hub } = this.#context;
    const count = this.#countFor(state);
    if (state.birth !== undefined) return undefined;
    if (hub.isAtEnd(key, cursor)) return [];
    const recent = hub.recentBatches(key, this.#context.gaps.isFollowing(state));
    const found = this.#options.latest ? recent?.newest(cursor, count) : recent?.after(cursor, count);
    return found ?? (isAtEnd ? [] : undefined);
  }

  /** Returns how many entries to look for: with `latest`, one more than are sent if only that shows whether some are skipped. */
  #countFor(state: StreamState): number {
    const { count } = this.#options;
    return this.#conflations.get(state)?.isUncounted() ? count + 1 : count;
  }

  async #fromRedis(state: StreamState): Promise<readonly Entry[]> {
    const { key, cursor } = state;
    const { streamReader } = this.#context;
    const count = this.#countFor(state);
    const streams = this.#states.length;
    if (this.#options.latest) return streamReader.readNewest(key, cursor, count, streams);
    const { entries, hasGap, isGone } = await streamReader.readAfter(key, cursor, count, streams);
    if (hasGap || isGone) state.hasGap = true;
    return entries;
  }

  /** Reads the streams that are not in memory, and sends a frame. @param known entries from memory, by stream */
  #read(known: readonly (readonly Entry[] | undefined)[]): void {
    const context = this.#context;
    const states = this.#states;
    const expected = (state: StreamState) =>
      context.streamReader.expectedBytes(state.key, this.#countFor(state), states.length);
    const bytes = states.reduce((sum, state, i) => (known[i] === undefined ? sum + expected(state) : sum), 0);
    if (!context.reserve(bytes)) return;
    this.#isReading = true;
    const ended = () => {
      this.#isReading = false;
      context.unreserve(bytes);
    };
    const fail = (error: unknown) => context.onError(error);
    Promise.all(states.map((state, i) => known[i] ?? this.#fromRedis(state)))
      .then(
        (found) => {
          ended();
          if (!context.isHalted()) this.#onRead(states, known, found);
        },
        (error) => {
          ended();
          retryLater(error, fail, () => this.run());
        },
      )
      .catch(fail);
  }

  #onRead(
    states: readonly StreamState[],
    known: readonly (readonly Entry[] | undefined)[],
    found: NextEntries,
  ): void {
    // An empty reply is certain only in this event-loop turn, and only for streams read from Redis. Results from memory
    // may be out of date.
    states.forEach((state, i) => {
      if (known[i] !== undefined || state.isRemoved) return;
      state.birth = undefined;
      state.isAtEnd = found[i]?.length === 0;
      state.lastRead = found[i]?.at(-1)?.id ?? state.lastRead;
      if (state.isAtEnd) this.#context.hub.confirmEnd(state.key, state.cursor);
    });
    this.#sendAll(states, found);
    this.run();
  }

  /**
   * Sends the next entries: in one frame, or in several if the encoder limits their size. The streams whose frames the sink did
   * not take are read again.
   *
   * @returns whether there are any entries to send
   */
  #sendAll(states: readonly StreamState[], found: NextEntries): boolean {
    const { encoder } = this.#context;
    if (encoder.maxFrameEntries === undefined) return this.#send(states, found);
    let isAny = false;
    for (let from = 0; from < states.length && !this.#context.isHalted(); ) {
      const to = endOfFrame(found, from, encoder.maxFrameEntries());
      if (this.#send(states.slice(from, to), found.slice(from, to))) isAny = true;
      from = to;
    }
    return isAny;
  }

  /** Sends one frame of the next entries, or begins to encode it. @returns whether there are any entries to send */
  #send(states: readonly StreamState[], found: NextEntries): boolean {
    const streams: StreamEntries[] = [];
    for (const [i, { name, isRemoved }] of states.entries()) {
      const entries = this.#next(found[i]);
      if (entries.length > 0 && !isRemoved) streams.push({ stream: name, entries });
    }
    if (streams.length === 0) return false;
    const { encoder, entryFrames } = this.#context;
    const encoding = entryFrames.encode(encoder, streams, () => this.#longFrame.isNeeded());
    if ("frame" in encoding) this.#write(states, found, encoding.frame);
    else this.#writeWhenEncoded(states, found, encoding.inSlices);
    return true;
  }

  /** Returns those of the found entries that a frame has: with `latest`, others only show that some are skipped. */
  #next(found: readonly Entry[] = []): readonly Entry[] {
    return found.length > this.#options.count ? found.slice(-this.#options.count) : found;
  }

  /** Writes the frame of entries, and moves the cursors past them. */
  #write(states: readonly StreamState[], found: NextEntries, frame: Frame): void {
    states.forEach((state, i) => {
      const next = this.#next(found[i]);
      const [first] = next;
      const last = next[next.length - 1];
      if (first === undefined || last === undefined || state.isRemoved) return;
      if (state.hasGap) this.#context.gaps.report(state, first.id);
      state.cursor = last.id;
      state.isAtEnd = false;
      state.counters.entriesOut += next.length;
      state.counters.bytesOut += bytesOf(next);
      const skipped = this.#conflations.get(state)?.sent(next.length, (found[i]?.length ?? 0) - next.length);
      if (skipped !== undefined) this.#options.onSkipped?.(state.name, skipped);
    });
    this.#context.write(frame);
  }

  /** Writes a frame once it is encoded, unless the subscription was halted or a stream created again meanwhile. */
  #writeWhenEncoded(
    states: readonly StreamState[],
    found: NextEntries,
    inSlices: () => Promise<Frame | undefined>,
  ): void {
    const bytes = found.reduce((sum, entries) => sum + bytesOf(entries), 0);
    const isEncoding = this.#longFrame.encode(bytes, inSlices, (encoded) => {
      if (encoded !== undefined) this.#write(states, found, encoded);
      this.run();
    });
    // Without memory the subscription pauses, and reads the entries again when memory is available.
    if (!isEncoding) return;
    // Certain in this event-loop turn only.
    for (const state of this.#states) state.isAtEnd = false;
  }

  /** Attaches all streams to the hub. @returns false if the hub already has newer entries of a stream */
  #attachAll(): boolean {
    const context = this.#context;
    for (const state of this.#states) {
      const { key, cursor, lastRead } = state;
      const isAttached =
        this.#attached.has(state) || context.hub.attach(key, cursor, this.#reader, lastRead === cursor);
      // From here on the hub reports new entries after the cursor.
      state.isAtEnd = false;
      if (!isAttached) return false;
      if (!this.#attached.has(state)) context.gaps.attached(state);
      this.#attached.add(state);
      this.#conflations.get(state)?.attached();
    }
    return true;
  }
}

/** Returns the index after the last stream whose entries fit a frame; at least one stream fits. */
function endOfFrame(found: NextEntries, from: number, maxEntries: number): number {
  let entries = found[from]?.length ?? 0;
  let to = from + 1;
  while (to < found.length && entries + (found[to]?.length ?? 0) <= maxEntries)
    entries += found[to++]?.length ?? 0;
  return to;
}
