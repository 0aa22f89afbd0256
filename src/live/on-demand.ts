/**
 * On-demand delivery: sends one frame at a time with the next `count` entries of each stream, or with `latest` the newest
 * ones. The subscription may be paused between frames by an acknowledgement or a rate limit. Entries that arrive meanwhile
 * stay in Redis, or are skipped with `latest`.
 */
import { bytesOf, type Entry, type StreamEntries } from "../domain/entry.ts";
import { createConflation } from "./conflation.ts";
import type { Delivery, DeliveryContext, StreamState } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import { retryLater } from "./retry.ts";

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
  const { hub, log, states, encoder } = context;
  const attached = new Set<StreamState>();
  const conflations = latest ? states.map((state) => createConflation(hub, state)) : [];
  let reading = false;
  let woken = false;

  /** Returns a frame. Frames of a single entry, the usual case, are shared by all readers of the entry. */
  function frameFor(streams: readonly StreamEntries[]): Frame {
    const [stream] = streams;
    const [entry] = stream?.entries ?? [];
    if (encoder.form === undefined || stream === undefined || entry === undefined)
      return encoder.encode(streams);
    if (streams.length > 1 || stream.entries.length > 1) return encoder.encode(streams);
    const memo = `${encoder.form} ${stream.stream}`;
    const frames = context.entryFrames.get(entry) ?? new Map<string, unknown>();
    context.entryFrames.set(entry, frames);
    const frame = (frames.get(memo) as Frame | undefined) ?? encoder.encode(streams);
    frames.set(memo, frame);
    return frame;
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
    onRecreated: wake,
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
    if (latest) return log.readNewest(state.key, state.cursor, count, states.length);
    const { entries, hasGap, isGone } = await log.readAfter(state.key, state.cursor, count, states.length);
    if (hasGap || isGone) state.hasGap = true;
    return entries;
  }

  /** Sends the entries in one frame. @returns whether there was anything to send */
  function send(found: readonly (readonly Entry[])[]): boolean {
    const streams: StreamEntries[] = [];
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
      streams.push({ stream: state.name, entries: next });
    });
    if (streams.length > 0) context.write(frameFor(streams));
    return streams.length > 0;
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
    while (!context.isHalted() && !reading) {
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
        known[i] === undefined ? sum + log.expectedBytes(key, count, states.length) : sum,
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
    halt() {
      for (const state of attached) hub.detach(state.key, reader);
      attached.clear();
      for (const state of states) state.isAtEnd = false;
    },
  };
}
