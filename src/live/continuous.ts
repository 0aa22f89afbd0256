/**
 * A subscription that sends all there is, as fast as its sink takes it: history in shared pages until nothing is left,
 * then every batch of the hub as it comes. Each stream is a lane of its own: one may be live while another catches up.
 */
import { bytesOf, type Entry } from "../domain/entry.ts";
import { type Batch, firstPast, frameOf } from "./batch.ts";
import type { Delivery, DeliveryContext, StreamState } from "./delivery.ts";
import type { LiveReader } from "./hub.ts";
import { retryLater } from "./retry.ts";

/** Most entries taken at once where the cursor stands inside a batch, and the frame cannot be shared. */
const UNSHARED_ENTRIES = 1024;

interface FlowLane {
  readonly lane: StreamState;
  /** Names the frame of a whole batch for this lane: its form and the stream's name. */
  readonly memo: string;
  readonly reader: LiveReader;
  state: "behind" | "reading" | "live";
}

/** Live batches of this size and more (bytes) are not handed on where the memory budget is used up. */
const LARGE_BATCH_BYTES = 256 * 1024;

/** Makes the course of a subscription that sends everything. */
export function createContinuous<Frame>(context: DeliveryContext<Frame>): Delivery {
  const { hub, pageCache, encoder } = context;
  /** A stream of the subscription found no memory while others were read. */
  let isDenied = false;

  const flows = context.lanes.map((lane): FlowLane => {
    const flow: FlowLane = {
      lane,
      memo: `${encoder.form} ${lane.name}`,
      reader: {
        take: (batch) => take(flow, batch),
        onGap() {
          lane.hasGap = true;
        },
        onRecreated: () => context.follow(lane),
        onError: context.onError,
      },
      state: "behind",
    };
    return flow;
  });

  /** Leaves the hub without what it hands out. When there is room, the reader continues from its cursor. */
  function leave(flow: FlowLane): void {
    isDenied = true;
    flow.lane.isAtEnd = false;
    if (flow.state !== "live") return;
    hub.detach(flow.lane.key, flow.reader);
    flow.state = "behind";
  }

  /** Hands a live batch on. A large one needs memory of its own while its client does not read. */
  function take(flow: FlowLane, batch: Batch): boolean {
    if (batch.bytes >= LARGE_BATCH_BYTES) {
      if (!context.reserve(batch.bytes)) {
        leave(flow);
        return true;
      }
      context.unreserve(batch.bytes);
    }
    return sendBatch(flow, batch);
  }

  function sendBatch({ lane, memo }: FlowLane, batch: Batch): boolean {
    if (batch.after !== lane.cursor) {
      const from = firstPast(batch.entries, lane.cursor);
      if (from > 0) {
        sendEntries(lane, batch.entries.slice(from));
        return false;
      }
    }
    if (lane.hasGap) tellGap(lane, batch.entries);
    lane.cursor = batch.last;
    lane.counters.entriesOut += batch.entries.length;
    lane.counters.bytesOut += batch.bytes;
    return context.write(frameOf(batch, encoder, lane.name, memo));
  }

  function sendEntries(lane: StreamState, entries: readonly Entry[]): void {
    const last = entries[entries.length - 1];
    if (last === undefined) return;
    if (lane.hasGap) tellGap(lane, entries);
    lane.cursor = last.id;
    lane.counters.entriesOut += entries.length;
    lane.counters.bytesOut += bytesOf(entries);
    context.write(encoder.encode([{ stream: lane.name, entries }]));
  }

  function tellGap(lane: StreamState, [first]: readonly Entry[]): void {
    if (first !== undefined) context.reportGap(lane, first.id);
  }

  /** Sends what is in memory; then goes live, or reads on in Redis. */
  function advance(flow: FlowLane): void {
    const { lane } = flow;
    while (!context.isHalted()) {
      const recent = hub.recentBatches(lane.key, context.isFollowing(lane));
      const batch = recent?.continuing(lane.cursor);
      const entries = batch ? undefined : recent?.after(lane.cursor, UNSHARED_ENTRIES);
      if (batch !== undefined) sendBatch(flow, batch);
      else if (entries !== undefined && entries.length > 0) sendEntries(lane, entries);
      else if ((lane.isAtEnd || recent !== undefined) && hub.attach(lane.key, lane.cursor, flow.reader)) {
        flow.state = "live";
        lane.isAtEnd = true;
        context.follow(lane);
        if (flows.every(({ state }) => state === "live")) context.caughtUp();
        return;
      } else {
        readPage(flow);
        return;
      }
    }
  }

  function readPage(flow: FlowLane): void {
    const { lane } = flow;
    const bytes = pageCache.expectedBytes(lane.key);
    if (!context.reserve(bytes)) {
      isDenied = true;
      return;
    }
    flow.state = "reading";
    const ended = () => {
      flow.state = "behind";
      context.unreserve(bytes);
    };
    pageCache.page(lane.key, lane.cursor).then(
      (page) => {
        ended();
        if (context.isHalted()) return;
        if (page.hasGap || page.isGone) lane.hasGap = true;
        // Only now, in the turn in which the page came, does "nothing is behind it" allow to go live.
        lane.isAtEnd = page.isLast;
        if (page.batch !== undefined) sendBatch(flow, page.batch);
        else hub.confirmEnd(lane.key, lane.cursor);
        if (isDenied) run();
        else if (flow.state === "behind") advance(flow);
      },
      (error) => {
        ended();
        retryLater(error, context.onError, run);
      },
    );
  }

  function run(): void {
    isDenied = false;
    for (const flow of flows) if (flow.state === "behind") advance(flow);
  }

  return {
    run,
    halt() {
      for (const flow of flows) {
        // By the time it runs again the stream may have grown by more than the hub remembers.
        flow.lane.isAtEnd = false;
        if (flow.state !== "live") continue;
        hub.detach(flow.lane.key, flow.reader);
        flow.state = "behind";
      }
    },
  };
}
