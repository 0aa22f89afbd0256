/**
 * A subscription that sends one frame at a time: of each stream the next `count` entries, or with `latest` the newest
 * ones. Between two frames it may be paused, for an acknowledgement or by its pace; what comes meanwhile waits in
 * Redis, or is skipped.
 */
import { bytesOf, type Entry, type StreamEntries } from "../domain/entry.ts";
import { createConflation } from "./conflation.ts";
import type { Delivery, DeliveryContext, StreamState } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import { retryLater } from "./retry.ts";

/** How the turns go. */
export interface OnDemandOptions {
  readonly count: number;
  /** The newest entries only; older ones are skipped. */
  readonly latest: boolean;
}

/** Makes the course of a subscription that sends one frame at a time. */
export function createOnDemand<Frame>(
  context: DeliveryContext<Frame>,
  { count, latest }: OnDemandOptions,
): Delivery {
  const { hub, log, lanes, encoder } = context;
  const attached = new Set<StreamState>();
  const conflations = latest ? lanes.map((lane) => createConflation(hub, lane)) : [];
  let reading = false;
  let woken = false;

  /** Frames of single entries are the usual case here: all readers that want the same one share it. */
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
    // After all streams of this read have been handed out, so that they share a frame.
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
    // What follows is then not in memory, and the read of it reports the gap.
    onGap: () => undefined,
    onRecreated: wake,
    onError: context.onError,
  };

  /** What memory knows to follow a lane's cursor; undefined where only Redis knows. */
  function fromMemory(lane: StreamState): readonly Entry[] | undefined {
    const { key, cursor, isAtEnd } = lane;
    if (hub.isAtEnd(key, cursor)) return [];
    const recent = hub.recentBatches(key, context.isFollowing(lane));
    const found = latest ? recent?.newest(cursor, count) : recent?.after(cursor, count);
    return found ?? (isAtEnd ? [] : undefined);
  }

  async function fromRedis(lane: StreamState): Promise<readonly Entry[]> {
    if (latest) return log.readNewest(lane.key, lane.cursor, count, lanes.length);
    const { entries, hasGap, isGone } = await log.readAfter(lane.key, lane.cursor, count, lanes.length);
    if (hasGap || isGone) lane.hasGap = true;
    return entries;
  }

  /** Sends one frame of what follows. @returns whether there was anything to send */
  function send(found: readonly (readonly Entry[])[]): boolean {
    const streams: StreamEntries[] = [];
    lanes.forEach((lane, i) => {
      const next = found[i] ?? [];
      const [first] = next;
      const last = next[next.length - 1];
      if (first === undefined || last === undefined) return;
      if (lane.hasGap) context.reportGap(lane, first.id);
      lane.cursor = last.id;
      lane.isAtEnd = false;
      lane.counters.entriesOut += next.length;
      lane.counters.bytesOut += bytesOf(next);
      conflations[i]?.sent(next.length);
      streams.push({ stream: lane.name, entries: next });
    });
    if (streams.length > 0) context.write(frameFor(streams));
    return streams.length > 0;
  }

  /** Waits for what comes next. @returns false where the hub has already seen something */
  function attachAll(): boolean {
    for (const [i, lane] of lanes.entries()) {
      const isAttached = attached.has(lane) || hub.attach(lane.key, lane.cursor, reader);
      // From here on the hub knows what is past the cursor, and says when that is no longer nothing.
      lane.isAtEnd = false;
      if (!isAttached) return false;
      if (!attached.has(lane)) context.follow(lane);
      attached.add(lane);
      conflations[i]?.attached();
    }
    return true;
  }

  function run(): void {
    for (const lane of attached) context.follow(lane);
    while (!context.isHalted() && !reading) {
      const found = lanes.map(fromMemory);
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
    const bytes = lanes.reduce(
      (sum, { key }, i) => (known[i] === undefined ? sum + log.expectedBytes(key, count, lanes.length) : sum),
      0,
    );
    if (!context.reserve(bytes)) return;
    reading = true;
    Promise.all(lanes.map((lane, i) => known[i] ?? fromRedis(lane))).then(
      (found) => {
        reading = false;
        context.unreserve(bytes);
        if (context.isHalted()) return;
        // Empty means: nothing is there in this very turn, so the lane may wait for what comes. That holds for what was
        // asked just now; what memory knew when the read began may be out of date.
        lanes.forEach((lane, i) => {
          if (known[i] !== undefined) return;
          lane.isAtEnd = found[i]?.length === 0;
          if (lane.isAtEnd) hub.confirmEnd(lane.key, lane.cursor);
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
      for (const lane of attached) hub.detach(lane.key, reader);
      attached.clear();
      for (const lane of lanes) lane.isAtEnd = false;
    },
  };
}
