/** A reader of the engine with a sink that a test fills and drains, which records everything it receives. */
import { bytesOf, type Gap, type StreamEntries } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import type { OnDemandOptions } from "../../../src/live/on-demand.ts";
import type { Reservation } from "../../../src/live/sink.ts";
import type { Subscription } from "../../../src/live/subscription.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { resolveCursors, type WantedStream } from "../../../src/transports/request/streams.ts";
import { type Engine, SLICE_MS } from "./engine.ts";

/** Fill byte of released memory: no payload contains it. */
export const SPOILT = 0;

/** Options of a reader. */
export interface ReaderOptions {
  readonly streams: readonly WantedStream[];
  readonly onDemand?: OnDemandOptions;
  /** The sink is full after this many frames, and drained one event-loop turn later; 0 for never. */
  readonly fullEvery: number;
  /** Pauses after each frame until it is resumed, like a reader with acknowledgements. */
  readonly awaitsAck: boolean;
  /** Memory of the entries that it reads; absent for no limit. */
  readonly memory?: Reservation;
  /** Yields to clients. */
  readonly isBackground?: boolean;
}

/** A running reader. */
export interface TestReader {
  readonly options: ReaderOptions;
  readonly frames: readonly (readonly StreamEntries[])[];
  /** Start position by stream key, once known. */
  readonly starts: ReadonlyMap<string, EntryId>;
  readonly subscription: Subscription;
  /** The sink is full from the next frame on. */
  block(): void;
  /** The sink has room again. */
  drain(): void;
  /** Stops all delays: the sink has room, and each frame is acknowledged at once. */
  release(): void;
  gaps(): number;
  /** Payloads that were overwritten, because their memory was reused too early. */
  spoilt(): number;
  /** The reported gaps, each before the next frame. */
  readonly reportedGaps: readonly Gap[];
  /** The received ids of a stream, in order. */
  seen(name: string): readonly EntryId[];
  readonly errors: readonly Error[];
}

/** Starts a reader. */
export async function startReader(engine: Engine, options: ReaderOptions): Promise<TestReader> {
  const counters = createCounters();
  const frames: (readonly StreamEntries[])[] = [];
  const errors: Error[] = [];
  const reportedGaps: Gap[] = [];
  let blocked = false;
  let full = false;
  let released = false;
  let spoiltWhenTaken = 0;
  /** Frames written but not yet sent: their payloads must not change. */
  const unsent: (readonly StreamEntries[])[] = [];
  let encodings = 0;
  let whenDrained: (() => void) | undefined;

  function notify(): void {
    if (blocked || full) return;
    const callback = whenDrained;
    whenDrained = undefined;
    callback?.();
  }

  const streams = await resolveCursors(options.streams, engine.lastIds);
  const subscription = engine.subscriber(counters)<readonly StreamEntries[]>({
    streams,
    encoder: {
      form: "as it is",
      encode: (entries) => entries,
      // The page cache may drop its references to entries, as for transports whose frames are bytes.
      bytesOf: (frame) => frame.reduce((sum, { entries }) => sum + bytesOf(entries), 0),
      encodeSteps: (entries) =>
        ++encodings % 2 === 0 ? encodeLong(entries, encodings % 8 === 0) : undefined,
    },
    sink: {
      write(frame) {
        frames.push(frame);
        if (options.fullEvery !== 0 && frames.length % options.fullEvery === 0) {
          full = true;
          setImmediate(() => {
            full = false;
            notify();
          });
        }
        if (blocked || full) unsent.push(frame);
        else spoiltWhenTaken += spoiltIn([frame]);
      },
      isEmpty: () => !blocked && !full,
      isFull: () => blocked || full,
      whenDrained(callback) {
        whenDrained = callback;
      },
    },
    ...(options.onDemand && { onDemand: options.onDemand }),
    ...(options.memory && { memory: options.memory }),
    ...(options.isBackground && { isBackground: true }),
    onFrame() {
      if (!options.awaitsAck) return;
      subscription.pause("pending-ack");
      if (released) setImmediate(() => subscription.resume("pending-ack"));
    },
    onGap: (gap) => reportedGaps.push(gap),
    onError: (error) => errors.push(error),
  });
  return {
    options,
    frames,
    reportedGaps,
    errors,
    subscription,
    starts: new Map(streams.map(({ key, cursor }) => [key, cursor])),
    block() {
      blocked = true;
    },
    drain() {
      blocked = false;
      notify();
    },
    release() {
      released = true;
      blocked = false;
      notify();
      subscription.resume("pending-ack");
    },
    gaps: () => counters.gaps,
    spoilt: () => spoiltWhenTaken + spoiltIn(unsent),
    seen: (name) =>
      frames.flatMap((frame) =>
        frame.flatMap(({ stream, entries }) => (stream === name ? entries.map(({ id }) => id) : [])),
      ),
  };
}

/** Longer than a slice, in ms. */
const LONG_MS = 1.2 * SLICE_MS;

/** Encodes in steps, over more than one event-loop turn if it is slow. */
function* encodeLong<T>(frame: T, isSlow: boolean): Generator<void, T> {
  const end = performance.now() + LONG_MS;
  while (isSlow && performance.now() < end);
  yield;
  return frame;
}

/** Payloads whose memory was overwritten. */
const spoiltIn = (frames: readonly (readonly StreamEntries[])[]): number =>
  frames
    .flatMap((streams) => streams.flatMap(({ entries }) => entries))
    .filter(({ data }) => data[0] === SPOILT || data[data.length - 1] === SPOILT).length;

/** Number of entries that readers have received together. */
export const entriesReceived = (readers: readonly TestReader[]): number =>
  readers
    .flatMap(({ frames }) => frames)
    .flat()
    .reduce((sum, { entries }) => sum + entries.length, 0);
