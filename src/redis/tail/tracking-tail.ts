/**
 * Tracking tail: `CLIENT TRACKING` (RESP3). Reading a stream arms the tracking of its key. The next change sends an
 * invalidation, after which the tail reads only the changed streams, which arms them again. No change is missed, because
 * the read itself arms. The cost depends on the number of changes, not on the number of watched streams.
 *
 * This gateway's own appends arrive by loopback instead (`append/loopback.ts`). A stream whose last entry was looped back
 * is neither read nor armed until the loopback reports a change by another client.
 */

import type { Logger } from "../../domain/logger.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { RedisEndpoint } from "../address/address-source.ts";
import type { Loopback } from "../append/loopback.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { followServer, type ServerIdentity } from "../resp/server/server-identity.ts";
import { createPendingLoopback } from "./pending-loopback.ts";
import { createReadRetries, isTemporary } from "./read-retries.ts";
import { createReadScheduler } from "./read-scheduler.ts";
import type { OnTailReads, Tail, TailEvents } from "./tail.ts";
import { errorIn, type ReadPlan, WatchedStreams } from "./watched-streams.ts";

/** Options of a tail. */
export interface TailOptions extends TailEvents {
  readonly address: RedisEndpoint;
  readonly logger: Logger;
  /** See `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly loopback: Loopback;
  readonly onReads: OnTailReads;
  /** Called if the server does not support client tracking. */
  readonly onUnsupported?: (reason: string) => void;
}

/** Tracking tail. It waits while Redis is unavailable, then continues at its positions. */
export class TrackingTail implements Tail {
  readonly #options: TailOptions;
  readonly #streams: WatchedStreams;
  readonly #pending = createPendingLoopback();
  readonly #scheduler = createReadScheduler(() => this.#read());
  readonly #retries = createReadRetries((keys) => {
    for (const key of keys) this.#streams.mark(key);
    this.#schedule();
  });
  readonly #server: ServerIdentity;
  readonly #connection: Connection;
  /** Streams of the read in flight, with their positions. */
  #reading: ReadonlyMap<string, EntryId> | undefined;
  /**
   * Streams that another client may have changed since they were read. Looped-back entries wait for the read: if the stream
   * was created again within a millisecond, they may follow an id that equals the position, but is of another entry.
   */
  readonly #disturbed = new Set<string>();
  /** Disturbed streams that the read in flight verifies: they were not disturbed again since it was sent. */
  #verifying = new Set<string>();

  constructor(options: TailOptions) {
    this.#options = options;
    this.#streams = new WatchedStreams(options);
    this.#server = followServer(
      () => this.#connection,
      () => this.#streams.continuity.serverChanged(),
    );
    this.#connection = new Connection({
      address: options.address,
      logger: options.logger,
      stallMs: options.stallMs,
      name: "tail",
      // A read that cannot be sent is dropped: its stream stays marked and is read when Redis is available.
      waitMs: 0,
      onPush: (message) => this.#onPush(message),
      onReady: () => this.#onReady(),
      onLost: () => {
        options.counters.redisReconnects++;
        this.#reading = undefined;
        this.#verifying.clear();
      },
    });
    options.loopback.listen({
      looped: (key, after, entries) => this.#onLooped(key, after, entries),
      disturbed: (key) => this.#onDisturbed(key),
    });
  }

  /** Position after which each watched stream is read next; also after `close`. */
  get positions(): ReadonlyMap<string, EntryId> {
    return this.#streams.positions;
  }

  noticesRemovals(): boolean {
    return true;
  }

  watch(key: string, after: EntryId, isRead = false): void {
    this.#options.loopback.watch(key);
    this.#pending.forget(key);
    this.#verifying.delete(key);
    this.#streams.watch(key, after, isRead);
    this.#schedule();
  }

  unwatch(key: string): void {
    this.#options.loopback.unwatch(key);
    this.#pending.forget(key);
    this.#disturbed.delete(key);
    this.#verifying.delete(key);
    this.#streams.unwatch(key);
  }

  close(): void {
    this.#options.loopback.listen(undefined);
    this.#retries.close();
    this.#connection.close();
  }

  #onReady(): void {
    const { onUnsupported } = this.#options;
    if (this.#connection.protocol() === 2) {
      onUnsupported?.("it does not speak RESP3");
      return;
    }
    this.#connection.send(["CLIENT", "TRACKING", "ON"], (error) => {
      if (error instanceof ReplyError) onUnsupported?.(error.message);
    });
    this.#server.check();
    this.#readAll();
  }

  /** Reads all streams: after a flush or a lost connection, none may be armed. */
  #readAll(): void {
    this.#streams.markAll();
    this.#schedule();
  }

  #onPush([kind, keys]: Reply[]): void {
    if (String(kind) !== "invalidate") return;
    if (!Array.isArray(keys)) {
      this.#readAll();
      return;
    }
    const { positions, continuity } = this.#streams;
    for (const bytes of keys) {
      const key = String(bytes);
      // An own append, which arrives by loopback. If it was a foreign one, the loopback reports `disturbed`.
      if (positions.get(key) === this.#options.loopback.endOf(key) && !continuity.isEnded(key)) continue;
      // A read of this stream is in flight. The change preceded that read, so its reply includes it.
      if (this.#reading?.has(key) !== true) this.#streams.mark(key);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#reading === undefined) this.#scheduler.schedule(this.#streams.changed.size);
  }

  #read(): void {
    if (!this.#connection.isReady() || this.#reading !== undefined) return;
    const plan = this.#streams.plan();
    const { from } = plan;
    if (from.size === 0) return;
    this.#scheduler.noteRead();
    this.#options.counters.tailReads++;
    this.#reading = from;
    this.#verifying.clear();
    for (const key of from.keys()) {
      this.#streams.unmark(key);
      if (this.#disturbed.has(key)) this.#verifying.add(key);
    }
    this.#connection.transact(this.#streams.commands(plan), (error, replies) => {
      if (this.#reading === from) this.#reading = undefined;
      const failure = error ?? errorIn(replies);
      if (failure !== undefined) {
        this.#onFailure(failure, from);
        return;
      }
      this.#take(plan, replies);
      this.#schedule();
    });
  }

  /** Delivers read entries, then the pending looped-back entries that follow them. */
  #take(plan: ReadPlan, replies: readonly Reply[]): void {
    const reads = this.#streams.take(plan, replies);
    if (reads.length > 0) this.#options.onReads(reads);
    const verified = [...this.#verifying].filter((key) => !this.#streams.changed.has(key));
    for (const key of verified) this.#disturbed.delete(key);
    this.#verifying.clear();
    for (const { key } of reads) this.#deliverPending(key);
    for (const key of verified) this.#deliverPending(key);
  }

  /** Delivers the looped-back entries that follow a stream's position. @returns whether they are still in use */
  #deliverPending(key: string): boolean {
    const position = this.#streams.positions.get(key);
    if (position === undefined || this.#disturbed.has(key)) return false;
    const entries = this.#pending.following(key, position);
    return entries.length > 0 && this.#options.onReads([this.#streams.extend(key, position, entries)]);
  }

  #onDisturbed(key: string): void {
    if (!this.#streams.positions.has(key)) return;
    // The read returns those of these entries that still exist.
    this.#pending.forget(key);
    this.#disturbed.add(key);
    this.#verifying.delete(key);
    this.#streams.mark(key);
    this.#schedule();
  }

  #onLooped(key: string, after: EntryId, entries: readonly Entry[]): boolean {
    if (!this.#streams.positions.has(key)) return false;
    // An ended position belongs to another stream life. If too many entries are pending, the stream is read instead.
    if (this.#streams.continuity.isEnded(key) || !this.#pending.add(key, after, entries)) {
      this.#streams.mark(key);
      this.#schedule();
      return false;
    }
    const isKept = this.#deliverPending(key);
    return isKept || this.#pending.has(key);
  }

  /** Reads each stream by itself after one of them failed the read of all. A stream that fails alone is skipped. */
  #onFailure(error: Error, from: ReadonlyMap<string, EntryId>): void {
    const isRetried = this.#streams.isScriptForbidden(error);
    if (!this.#connection.isReady() || isRetried) {
      for (const key of from.keys()) this.#streams.mark(key);
      if (isRetried) this.#schedule();
      return;
    }
    if (from.size > 1) {
      this.#readApart(from);
      return;
    }
    for (const key of from.keys()) this.#reject(key, error);
    this.#schedule();
  }

  #readApart(from: ReadonlyMap<string, EntryId>): void {
    const apart: ReadonlyMap<string, EntryId> = new Map();
    this.#reading = apart;
    this.#verifying.clear();
    let missing = from.size;
    for (const [key, position] of from) {
      const plan = { from: new Map([[key, position]]), count: 1 };
      this.#connection.transact(this.#streams.commands(plan), (rejection, replies) => {
        const failure = rejection ?? errorIn(replies);
        if (failure === undefined) this.#take(plan, replies);
        if (failure !== undefined && this.#connection.isReady()) this.#reject(key, failure);
        else this.#streams.mark(key);
        if (--missing > 0 || this.#reading !== apart) return;
        this.#reading = undefined;
        this.#schedule();
      });
    }
  }

  #reject(key: string, error: Error): void {
    this.#streams.reject(key, error);
    this.#disturbed.delete(key);
    if (isTemporary(error)) this.#retries.add(key);
  }
}
