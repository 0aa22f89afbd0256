/**
 * On-demand delivery: sends one frame at a time with the next `count` entries of each stream, or with `latest` the newest
 * ones. The subscription may be paused between frames by an acknowledgement or a rate limit. Entries that arrive meanwhile
 * stay in Redis, or are skipped with `latest`.
 */
import { bytesOf, type Entry, type StreamEntries } from "../domain/entry.ts";
import { runInSlices, runWhileNeeded } from "../domain/work-slice.ts";
import { createConflation } from "./conflation.ts";
import type { Delivery, DeliveryContext, StreamState } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import { retryLater } from "./retry.ts";

/** Memory of a frame while it is encoded in slices, per byte of its entries: the entries, and their copy in the frame. */
const LONG_FRAME_COPIES = 3;

/** An encoded frame, or a function that encodes it; that may be stopped, and the frame is then undefined. */
type Encoding<Frame> = { readonly frame: Frame } | { inSlices(): Promise<Frame | undefined> };

/** Frames of one entry, and the name of the one that a reader needs. While a frame is encoded it is a promise. */
interface SharedFrames {
  readonly frames: Map<string, unknown>;
  readonly memo: string;
}

/** Options of on-demand delivery. */
export interface OnDemandOptions {
  /** Maximum entries of each stream in a frame. */
  readonly count: number;
  /** Send the newest entries only and skip older ones. */
  readonly latest: boolean;
}

/** Creates the delivery of a subscription that sends one frame at a time. */
export function createOnDemand<Frame>(
  context: DeliveryContext<Frame>,
  { count, latest }: OnDemandOptions,
): Delivery {
  const { hub, streamReader, states, encoder } = context;
  const attached = new Set<StreamState>();
  const conflations = latest ? states.map((state) => createConflation(hub, state)) : [];
  let reading = false;
  let encoding = false;
  /** Since encoding began the subscription was halted or a stream created again: the entries may not follow the cursor. */
  let isOutdated = false;
  let woken = false;

  /**
   * The frames of an entry by the form and name that they are made for, if the frame has one entry only: that is the usual
   * case here, and all readers that need the same frame share it.
   */
  function sharedFrames(streams: readonly StreamEntries[]): SharedFrames | undefined {
    const [stream] = streams;
    const [entry] = stream?.entries ?? [];
    if (encoder.form === undefined || stream === undefined || entry === undefined) return undefined;
    if (streams.length > 1 || stream.entries.length > 1) return undefined;
    const frames = context.entryFrames.get(entry) ?? new Map<string, unknown>();
    context.entryFrames.set(entry, frames);
    return { frames, memo: `${encoder.form} ${stream.stream}` };
  }

  /** Encodes a frame; if that takes long, returns a function that encodes it in slices. */
  function encode(streams: readonly StreamEntries[]): Encoding<Frame> {
    const shared = sharedFrames(streams);
    const known = shared?.frames.get(shared.memo) as Frame | Promise<Frame> | undefined;
    if (known instanceof Promise) return { inSlices: () => known };
    if (known !== undefined) return { frame: known };
    const steps = encoder.encodeSteps?.(streams);
    if (steps === undefined) {
      const frame = encoder.encode(streams);
      shared?.frames.set(shared.memo, frame);
      return { frame };
    }
    if (shared === undefined)
      return { inSlices: () => runWhileNeeded(steps, () => encoding && !context.isHalted()) };
    return {
      inSlices() {
        const made = runInSlices(steps);
        shared.frames.set(shared.memo, made);
        made.then(
          (frame) => shared.frames.set(shared.memo, frame),
          () => shared.frames.delete(shared.memo),
        );
        return made;
      },
    };
  }

  function wake(): void {
    if (woken) return;
    woken = true;
    // After the hub has distributed all streams of this read, so that their entries share a frame.
    queueMicrotask(() => {
      woken = false;
      run();
    });
  }

  const reader: LiveReader = {
    take() {
      wake();
      return false;
    },
    // The entries after the gap are not in memory, so they are read from Redis, and that read reports the gap.
    onGap: () => undefined,
    onRecreated() {
      isOutdated = true;
      wake();
    },
    onError: context.onError,
  };

  /** Returns the entries after the cursor from memory; undefined if they must be read from Redis. */
  function fromMemory(state: StreamState): readonly Entry[] | undefined {
    const { key, cursor, isAtEnd } = state;
    if (hub.isAtEnd(key, cursor)) return [];
    const recent = hub.recentBatches(key, context.isFollowing(state));
    const found = latest ? recent?.newest(cursor, count) : recent?.after(cursor, count);
    return found ?? (isAtEnd ? [] : undefined);
  }

  async function fromRedis(state: StreamState): Promise<readonly Entry[]> {
    if (latest) return streamReader.readNewest(state.key, state.cursor, count, states.length);
    const { entries, hasGap, isGone } = await streamReader.readAfter(
      state.key,
      state.cursor,
      count,
      states.length,
    );
    if (hasGap || isGone) state.hasGap = true;
    return entries;
  }

  /** Sends one frame of what follows, or begins to encode it. @returns whether there was anything to send */
  function send(found: readonly (readonly Entry[])[]): boolean {
    const streams: StreamEntries[] = [];
    for (const [i, { name }] of states.entries()) {
      const entries = found[i] ?? [];
      if (entries.length > 0) streams.push({ stream: name, entries });
    }
    if (streams.length === 0) return false;
    const encoded = encode(streams);
    if ("frame" in encoded) write(found, encoded.frame);
    else sendInSlices(found, encoded.inSlices);
    return true;
  }

  /** Writes the frame of entries, and moves the cursors behind them. */
  function write(found: readonly (readonly Entry[])[], frame: Frame): void {
    states.forEach((state, i) => {
      const next = found[i] ?? [];
      const [first] = next;
      const last = next[next.length - 1];
      if (first === undefined || last === undefined) return;
      if (state.hasGap) context.reportGap(state, first.id);
      state.cursor = last.id;
      state.isAtEnd = false;
      state.counters.entriesOut += next.length;
      state.counters.bytesOut += bytesOf(next);
      conflations[i]?.sent(next.length);
    });
    context.write(frame);
  }

  /** Writes a frame when it is encoded, unless the subscription was halted or its stream created again meanwhile. */
  function sendInSlices(
    found: readonly (readonly Entry[])[],
    inSlices: () => Promise<Frame | undefined>,
  ): void {
    const bytes = LONG_FRAME_COPIES * found.reduce((sum, entries) => sum + bytesOf(entries), 0);
    // Without room the subscription pauses, and reads the entries again when there is room.
    if (!context.reserve(bytes)) return;
    encoding = true;
    isOutdated = false;
    // Certain in this event-loop turn only.
    for (const state of states) state.isAtEnd = false;
    const ended = () => {
      encoding = false;
      context.unreserve(bytes);
    };
    inSlices().then(
      (frame) => {
        ended();
        if (frame !== undefined && !isOutdated && !context.isHalted()) write(found, frame);
        run();
      },
      (error) => {
        ended();
        context.onError(error);
      },
    );
  }

  /** Attaches all streams to the hub. @returns false if the hub already has newer entries of a stream */
  function attachAll(): boolean {
    for (const [i, state] of states.entries()) {
      const isAttached = attached.has(state) || hub.attach(state.key, state.cursor, reader);
      // From here on the hub reports new entries after the cursor.
      state.isAtEnd = false;
      if (!isAttached) return false;
      if (!attached.has(state)) context.follow(state);
      attached.add(state);
      conflations[i]?.attached();
    }
    return true;
  }

  function run(): void {
    for (const state of attached) context.follow(state);
    while (!context.isHalted() && !reading && !encoding) {
      const found = states.map(fromMemory);
      if (found.includes(undefined)) {
        readOn(found);
        return;
      }
      if (send(found.map((entries) => entries ?? []))) continue;
      if (attachAll()) {
        context.caughtUp();
        return;
      }
    }
  }

  function readOn(known: readonly (readonly Entry[] | undefined)[]): void {
    const bytes = states.reduce(
      (sum, { key }, i) =>
        known[i] === undefined ? sum + streamReader.expectedBytes(key, count, states.length) : sum,
      0,
    );
    if (!context.reserve(bytes)) return;
    reading = true;
    Promise.all(states.map((state, i) => known[i] ?? fromRedis(state))).then(
      (found) => {
        reading = false;
        context.unreserve(bytes);
        if (context.isHalted()) return;
        // An empty reply is certain only in this event-loop turn, and only for streams read from Redis. Results from memory
        // may be out of date.
        states.forEach((state, i) => {
          if (known[i] !== undefined) return;
          state.isAtEnd = found[i]?.length === 0;
          if (state.isAtEnd) hub.confirmEnd(state.key, state.cursor);
        });
        send(found);
        run();
      },
      (error) => {
        reading = false;
        context.unreserve(bytes);
        retryLater(error, context.onError, run);
      },
    );
  }

  return {
    run,
    isEncoding: () => encoding,
    halt() {
      isOutdated = true;
      for (const state of attached) hub.detach(state.key, reader);
      attached.clear();
      for (const state of states) state.isAtEnd = false;
    },
  };
}
