/**
 * Continuous delivery: sends all entries as fast as the sink accepts them. Reads shared pages of history until the end of
 * the stream, then receives every batch from the hub. Streams are independent: one may be live while another catches up.
 */
import { bytesOf, type Entry } from "../domain/entry.ts";
import { type Batch, firstPast, frameOf } from "./batch.ts";
import type { Delivery, DeliveryContext, StreamState } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import { retryLater } from "./retry.ts";

/** Maximum entries in a frame that cannot be shared because the cursor is inside a batch. */
const UNSHARED_ENTRIES = 1024;

interface ContinuousStream {
  readonly state: StreamState;
  /** Cache key of whole-batch frames: the form and the stream name. */
  readonly memo: string;
  readonly reader: LiveReader;
  phase: "catching-up" | "reading" | "live";
}

/** Live batches of at least this size (bytes) are not sent while the memory budget is exhausted. */
const LARGE_BATCH_BYTES = 256 * 1024;

/** Creates the delivery of a subscription that sends all entries. */
export function createContinuous<Frame>(context: DeliveryContext<Frame>): Delivery {
  const { hub, pageCache, encoder } = context;
  /** A stream got no memory while others were being read. */
  let isDenied = false;

  const streams = context.states.map((state): ContinuousStream => {
    const stream: ContinuousStream = {
      state,
      memo: `${encoder.form} ${state.name}`,
      reader: {
        take: (batch) => take(stream, batch),
        onGap() {
          state.hasGap = true;
        },
        onRecreated: () => context.follow(state),
        onError: context.onError,
      },
      phase: "catching-up",
    };
    return stream;
  });

  /** Detaches from the hub without taking its batch. The reader continues from its cursor when memory is available. */
  function leave(stream: ContinuousStream): void {
    isDenied = true;
    stream.state.isAtEnd = false;
    if (stream.phase !== "live") return;
    hub.detach(stream.state.key, stream.reader);
    stream.phase = "catching-up";
  }

  /** Sends a live batch. A large one needs its own memory while the client does not read. */
  function take(stream: ContinuousStream, batch: Batch): boolean {
    if (batch.bytes >= LARGE_BATCH_BYTES) {
      if (!context.reserve(batch.bytes)) {
        leave(stream);
        return true;
      }
      context.unreserve(batch.bytes);
    }
    return sendBatch(stream, batch);
  }

  function sendBatch({ state, memo }: ContinuousStream, batch: Batch): boolean {
    if (batch.after !== state.cursor) {
      const from = firstPast(batch.entries, state.cursor);
      if (from > 0) {
        sendEntries(state, batch.entries.slice(from));
        return false;
      }
    }
    if (state.hasGap) reportGap(state, batch.entries);
    state.cursor = batch.last;
    state.counters.entriesOut += batch.entries.length;
    state.counters.bytesOut += batch.bytes;
    return context.write(frameOf(batch, encoder, state.name, memo));
  }

  function sendEntries(state: StreamState, entries: readonly Entry[]): void {
    const last = entries[entries.length - 1];
    if (last === undefined) return;
    if (state.hasGap) reportGap(state, entries);
    state.cursor = last.id;
    state.counters.entriesOut += entries.length;
    state.counters.bytesOut += bytesOf(entries);
    context.write(encoder.encode([{ stream: state.name, entries }]));
  }

  function reportGap(state: StreamState, [first]: readonly Entry[]): void {
    if (first !== undefined) context.reportGap(state, first.id);
  }

  /** Sends entries from memory, then attaches to the hub or reads the next page from Redis. */
  function advance(stream: ContinuousStream): void {
    const { state } = stream;
    while (!context.isHalted()) {
      const recent = hub.recentBatches(state.key, context.isFollowing(state));
      const batch = recent?.continuing(state.cursor);
      const entries = batch ? undefined : recent?.after(state.cursor, UNSHARED_ENTRIES);
      if (batch !== undefined) sendBatch(stream, batch);
      else if (entries !== undefined && entries.length > 0) sendEntries(state, entries);
      else if (
        (state.isAtEnd || recent !== undefined) &&
        hub.attach(state.key, state.cursor, stream.reader)
      ) {
        stream.phase = "live";
        state.isAtEnd = true;
        context.follow(state);
        if (streams.every(({ phase }) => phase === "live")) context.caughtUp();
        return;
      } else {
        readPage(stream);
        return;
      }
    }
  }

  function readPage(stream: ContinuousStream): void {
    const { state } = stream;
    const bytes = pageCache.expectedBytes(state.key);
    if (!context.reserve(bytes)) {
      isDenied = true;
      return;
    }
    stream.phase = "reading";
    const ended = () => {
      stream.phase = "catching-up";
      context.unreserve(bytes);
    };
    pageCache.page(state.key, state.cursor).then(
      (page) => {
        ended();
        if (context.isHalted()) return;
        if (page.hasGap || page.isGone) state.hasGap = true;
        // The end of the stream is only certain in the event-loop turn in which the page arrived.
        state.isAtEnd = page.isLast;
        if (page.batch !== undefined) sendBatch(stream, page.batch);
        else hub.confirmEnd(state.key, state.cursor);
        if (isDenied) run();
        else if (stream.phase === "catching-up") advance(stream);
      },
      (error) => {
        ended();
        retryLater(error, context.onError, run);
      },
    );
  }

  function run(): void {
    isDenied = false;
    for (const stream of streams) if (stream.phase === "catching-up") advance(stream);
  }

  return {
    run,
    halt() {
      for (const stream of streams) {
        // Before it resumes, the stream may grow by more than the hub keeps in memory.
        stream.state.isAtEnd = false;
        if (stream.phase !== "live") continue;
        hub.detach(stream.state.key, stream.reader);
        stream.phase = "catching-up";
      }
    },
  };
}
