/**
 * Blocking tail: `XREAD BLOCK` over all its streams, for servers and proxies without `CLIENT TRACKING`. Each wake-up sends
 * every stream's key again, so its cost grows with the number of watched streams. When the set changes, `CLIENT UNBLOCK`
 * from another connection interrupts the read.
 *
 * A blocking read cannot be part of a transaction. It therefore only detects which streams grew, with one entry of each;
 * a transaction then reads those streams (`continuity.ts`).
 */
import { type EntryId, LAST_ID } from "../../domain/streams/entry-id.ts";
import { entriesByKey } from "../read/entry-decoder.ts";
import { Connection } from "../resp/connection.ts";
import { ReplyError } from "../resp/reader.ts";
import { followServer, type ServerIdentity } from "../resp/server/server-identity.ts";
import type { Tail } from "./tail.ts";
import type { TailOptions } from "./tracking-tail.ts";
import { errorIn, WatchedStreams } from "./watched-streams.ts";

/** Options of a blocking tail. */
export interface BlockingTailOptions extends TailOptions {
  /** Another connection, for `CLIENT UNBLOCK`. */
  readonly control: Connection;
}

/** Time (ms) that one read blocks. It only bounds how long a lost server stays undetected. */
const BLOCK_MS = 5000;
/** Time (ms) before another UNBLOCK, because one may arrive before the read it should interrupt. */
const UNBLOCK_RETRY_MS = 5;
/** Time (ms) before a rejected stream, such as a key of another type, is read again. */
const REJECTED_PAUSE_MS = 1000;

/** Blocking tail. */
export class BlockingTail implements Tail {
  readonly #options: BlockingTailOptions;
  readonly #streams: WatchedStreams;
  readonly #server: ServerIdentity;
  readonly #connection: Connection;
  /** Streams that are skipped for a while, because they would fail the read of all. */
  readonly #rejected = new Set<string>();
  #clientId: number | undefined;
  /** Streams of the read in flight, with their positions. */
  #reading: ReadonlyMap<string, EntryId> | undefined;
  /** The read in flight, while it waits until a stream grows. */
  #blocked: ReadonlyMap<string, EntryId> | undefined;
  /** The last read that was interrupted: one interruption serves all streams that are watched meanwhile. */
  #interrupted: ReadonlyMap<string, EntryId> | undefined;
  #isScheduled = false;
  #isClosed = false;

  constructor(options: BlockingTailOptions) {
    const { address, logger, stallMs, counters } = options;
    this.#options = options;
    this.#streams = new WatchedStreams(options);
    this.#server = followServer(
      () => this.#connection,
      () => this.#streams.continuity.serverChanged(),
    );
    this.#connection = new Connection({
      address,
      logger,
      // A blocking read legitimately receives no data for this long.
      stallMs: stallMs === undefined ? undefined : stallMs + BLOCK_MS,
      name: "tail",
      waitMs: 0,
      onReady: () => this.#onReady(),
      onLost: () => {
        counters.redisReconnects++;
        this.#reading = undefined;
        this.#blocked = undefined;
        this.#clientId = undefined;
      },
    });
  }

  noticesRemovals(): boolean {
    return false;
  }

  watch(key: string, after: EntryId, isRead = false): void {
    // It counts as changed and is read before the next blocking read, so that a later deletion is detected.
    this.#streams.watch(key, after, isRead);
    this.#interrupt();
  }

  unwatch(key: string): void {
    this.#streams.unwatch(key);
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.close();
  }

  #onReady(): void {
    this.#connection.send(["CLIENT", "ID"], (_error, id) => {
      this.#clientId = typeof id === "number" ? id : undefined;
      // Streams that were watched since the read was sent could not interrupt it.
      this.#interrupt();
    });
    this.#server.check();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#reading !== undefined || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => this.#read());
  }

  #read(): void {
    this.#isScheduled = false;
    const { positions, changed, continuity } = this.#streams;
    if (!this.#connection.isReady() || this.#reading !== undefined || this.#isClosed) return;
    const batch = new Map(positions);
    for (const key of this.#rejected) batch.delete(key);
    if (batch.size === 0) return;
    this.#reading = batch;
    for (const key of batch.keys()) if (!continuity.knows(key)) this.#streams.mark(key);
    if (changed.size > 0) this.#readChanged(batch);
    else this.#block(batch);
  }

  /** Waits until a stream of the batch grows. */
  #block(batch: ReadonlyMap<string, EntryId>): void {
    this.#options.counters.tailReads++;
    this.#blocked = batch;
    const streams = [...batch.keys(), ...batch.values()];
    const command = ["XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", ...streams];
    this.#connection.send(command, (error, reply) => {
      if (this.#blocked === batch) this.#blocked = undefined;
      if (error !== undefined) {
        this.#finish(batch);
        if (this.#connection.isReady()) this.#setAside([...batch.keys()], error);
        return;
      }
      for (const [key] of entriesByKey(reply)) this.#streams.mark(key);
      this.#readChanged(batch);
    });
  }

  /** Reads the streams that grew until none has more. @param batch the blocking read to which this belongs */
  #readChanged(batch: ReadonlyMap<string, EntryId>): void {
    for (const key of this.#rejected) this.#streams.unmark(key);
    const plan = this.#streams.plan();
    if (plan.from.size === 0 || this.#reading !== batch) {
      this.#finish(batch);
      this.#schedule();
      return;
    }
    for (const key of plan.from.keys()) this.#streams.unmark(key);
    this.#options.counters.tailReads++;
    this.#connection.transact(this.#streams.commands(plan), (error, replies) => {
      const failure = error ?? errorIn(replies);
      if (failure === undefined) {
        const reads = this.#streams.take(plan, replies);
        if (reads.length > 0) this.#options.onReads(reads);
        this.#readChanged(batch);
        return;
      }
      this.#finish(batch);
      const isRetried = this.#streams.isScriptForbidden(failure);
      for (const key of plan.from.keys()) this.#streams.mark(key);
      if (isRetried) this.#schedule();
      else if (this.#connection.isReady()) this.#setAside([...plan.from.keys()], failure);
    });
  }

  #finish(batch: ReadonlyMap<string, EntryId>): void {
    if (this.#reading === batch) this.#reading = undefined;
  }

  /** Detects which stream failed the read of all, and continues without it for a while. */
  #setAside(keys: readonly string[], reason: Error): void {
    let missing = keys.length;
    for (const key of keys) {
      const plan = { from: new Map([[key, LAST_ID]]), count: 1 };
      this.#connection.transact(this.#streams.commands(plan), (error, replies) => {
        const failure = error ?? errorIn(replies);
        if (failure instanceof ReplyError) {
          this.#rejected.add(key);
          this.#streams.reject(key, failure);
        }
        if (--missing === 0) this.#continueApart(reason);
      });
    }
  }

  /** Continues without the rejected streams, and includes them again after a pause. */
  #continueApart(reason: Error): void {
    if (this.#rejected.size > 0) this.#schedule();
    else this.#options.logger.warn({ err: reason }, "Redis rejected a read of the live streams");
    setTimeout(() => {
      this.#rejected.clear();
      this.#interrupt();
    }, REJECTED_PAUSE_MS);
  }

  /** Makes a blocked read return, so that the next one uses the changed set. */
  #interrupt(): void {
    if (this.#reading === undefined) {
      this.#schedule();
      return;
    }
    // Reads of changed streams include those that were watched meanwhile.
    const blocked = this.#blocked;
    if (blocked === undefined || blocked === this.#interrupted || this.#clientId === undefined) return;
    this.#interrupted = blocked;
    this.#unblock(blocked, this.#clientId);
  }

  #unblock(blocked: ReadonlyMap<string, EntryId>, clientId: number): void {
    this.#options.control.send(["CLIENT", "UNBLOCK", clientId], (_error, unblocked) => {
      const isRepeated = unblocked !== 1 && this.#blocked === blocked && !this.#isClosed;
      if (isRepeated) setTimeout(() => this.#unblock(blocked, clientId), UNBLOCK_RETRY_MS);
    });
  }
}
