/**
 * Continuous delivery: sends all entries as fast as the sink accepts them. Reads shared pages of history until the end of
 * the stream, then receives every batch from the hub. Streams are independent: one may be live while another catches up.
 */
import type { BackgroundStream } from "./background/reads.ts";
import type { SharedPage } from "./cache/history-page.ts";
import { ContinuousStream } from "./continuous-stream.ts";
import type { Delivery, DeliveryContext } from "./delivery.ts";
import { retryLater } from "./retry.ts";
import type { StreamState } from "./stream-state.ts";

/** Maximum entries in a frame that cannot be shared because the cursor is inside a batch. */
const UNSHARED_ENTRIES = 1024;

/** Delivery of a subscription that sends all entries. */
export class ContinuousDelivery<Frame> implements Delivery {
  readonly #context: DeliveryContext<Frame>;
  #streams: readonly ContinuousStream<Frame>[];
  /** Number of streams that are live. */
  #liveCount = 0;
  /** A stream got no memory while others were being read. */
  #isDenied = false;

  constructor(context: DeliveryContext<Frame>) {
    this.#context = context;
    this.#streams = context.states.map((state) => this.#streamOf(state));
  }

  run(): void {
    this.#isDenied = false;
    for (const stream of this.#streams) if (stream.phase === "catching-up") this.#advance(stream);
  }

  add(state: StreamState): void {
    const stream = this.#streamOf(state);
    this.#streams = [...this.#streams, stream];
    this.#advance(stream);
  }

  remove(state: StreamState): void {
    const stream = this.#streams.find((one) => one.state === state);
    if (stream === undefined) return;
    this.#streams = this.#streams.filter((one) => one !== stream);
    if (stream.phase === "live") this.#detach(stream);
    stream.phase = "removed";
    stream.background?.close();
  }

  halt(): void {
    for (const stream of this.#streams) {
      // Before it resumes, the stream may grow by more than the hub keeps in memory.
      stream.state.isAtEnd = false;
      stream.state.lastRead = undefined;
      if (stream.phase === "live") this.#detach(stream);
    }
  }

  #streamOf(state: StreamState): ContinuousStream<Frame> {
    return new ContinuousStream(this.#context, state, this.#onDenied);
  }

  /** Detaches a stream without memory for a large live batch. It later continues from its cursor. */
  readonly #onDenied = (stream: ContinuousStream<Frame>): void => {
    this.#isDenied = true;
    stream.state.isAtEnd = false;
    if (stream.phase === "live") this.#detach(stream);
  };

  #detach(stream: ContinuousStream<Frame>): void {
    this.#liveCount--;
    this.#context.hub.detach(stream.state.key, stream);
    stream.phase = "catching-up";
  }

  /** Sends entries from memory, then attaches to the hub or reads the next page from Redis. */
  #advance(stream: ContinuousStream<Frame>): void {
    const context = this.#context;
    const { hub } = context;
    const { state } = stream;
    while (!context.isHalted() && stream.phase === "catching-up") {
      context.gaps.follow(state);
      const recent =
        state.birth === undefined ? hub.recentBatches(state.key, context.gaps.isFollowing(state)) : undefined;
      const batch = recent?.continuing(state.cursor);
      const entries = batch ? undefined : recent?.after(state.cursor, UNSHARED_ENTRIES);
      if (batch !== undefined) stream.sendBatch(batch);
      else if (entries !== undefined && entries.length > 0) stream.sendEntries(entries);
      else if (
        (state.isAtEnd || recent !== undefined) &&
        hub.attach(state.key, state.cursor, stream, state.lastRead === state.cursor)
      ) {
        stream.phase = "live";
        stream.background?.reachedEnd();
        this.#liveCount++;
        state.isAtEnd = true;
        context.gaps.attached(state);
        if (this.#liveCount === this.#streams.length) context.caughtUp();
        return;
      } else {
        this.#readPage(stream);
        return;
      }
    }
  }

  #readPage(stream: ContinuousStream<Frame>): void {
    const context = this.#context;
    const { key, cursor, birth, followed } = stream.state;
    const { background } = stream;
    const request = {
      ...{ key, cursor, birth, recreation: followed?.recreation ?? 0, frameKey: stream.frameKey },
      ...{ maxEntries: context.background?.maxEntries(), isPassing: background !== undefined },
    };
    const bytes = context.pageCache.expectedBytes(key);
    // One reader or the cache holds the memory of a page and of its frame. If the others reserved it too, a reader of several
    // streams could spend the memory that it was granted on a page that needs none, and wait again before that page arrives.
    const shared = context.pageCache.shared(request);
    const isReserved = shared === undefined || stream.frameKey === undefined;
    if (isReserved && !context.reserve(bytes)) {
      this.#isDenied = true;
      return;
    }
    stream.phase = "reading";
    const ended = () => {
      if (stream.phase === "reading") stream.phase = "catching-up";
      if (isReserved) context.unreserve(bytes);
    };
    const fail = (error: unknown) => context.onError(error);
    const read = () => context.pageCache.read(request);
    (shared ?? (background && background.delay > 0 ? this.#readLater(stream, background, read) : read()))
      .then(
        (page) => {
          ended();
          if (context.isHalted()) return;
          if (stream.phase === "removed") {
            if (this.#isDenied) this.run();
          } else if (page === undefined) this.#advance(stream);
          else this.#onPage(stream, page);
        },
        (error) => {
          ended();
          retryLater(error, fail, () => this.run());
        },
      )
      .catch(fail);
  }

  /** Reads a page when it is due; none if it is not needed any more then. */
  async #readLater(
    stream: ContinuousStream<Frame>,
    background: BackgroundStream,
    read: () => Promise<SharedPage>,
  ): Promise<SharedPage | undefined> {
    await background.rest();
    return this.#context.isHalted() || stream.phase === "removed" ? undefined : read();
  }

  #onPage(stream: ContinuousStream<Frame>, page: SharedPage): void {
    const { state } = stream;
    stream.background?.arrived(page, state.cursor);
    state.birth = undefined;
    if (page.hasGap || page.isGone) state.hasGap = true;
    // The end of the stream is only certain in the event-loop turn in which the page arrived.
    state.isAtEnd = page.isLast;
    state.lastRead = page.batch?.last;
    if (page.batch === undefined) this.#context.hub.confirmEnd(state.key, state.cursor);
    else if ("entries" in page.batch) stream.sendBatch(page.batch);
    else stream.sendFramed(page.batch);
    if (this.#isDenied) this.run();
    else if (stream.phase === "catching-up") this.#advance(stream);
  }
}
