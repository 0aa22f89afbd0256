/**
 * Consumer: receives entries of one or several streams of a group, in order of priority, and settles them. Permits bound the
 * entries that it holds: entries that were delivered and are neither settled nor expired.
 */
import type { GatewayError } from "../../domain/errors.ts";
import { type EntryId, FIRST_ID } from "../../domain/streams/entry-id.ts";
import type { FaultParts } from "../../observe/faults.ts";
import type { Delivered } from "./commands/group-commands.ts";
import { ConsumerClient } from "./consumer-client.ts";
import type { ConsumerOptions, NamedEntry, OnOutcome } from "./consumer-options.ts";
import { HeldEntries } from "./held-entries.ts";
import type { DeadLetters } from "./held-entry.ts";
import type { MemberQueue, QueueMember } from "./queue-member.ts";
import { type HeldStream, Settling } from "./settling.ts";
import { UnsettledBackoff } from "./unsettled-backoff.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Maximum number of entries that a client can grant ahead. */
export const MAX_PERMITS = 10_000;

/** A consumer of this gateway. */
export class Consumer implements QueueMember {
  readonly #options: ConsumerOptions;
  readonly #streams: readonly HeldStream[];
  readonly #onClosed: () => void;
  readonly #client: ConsumerClient;
  readonly #settling: Settling;
  readonly #backoff: UnsettledBackoff;
  #reserved = 0;
  #granted = 0;
  #isClosed = false;
  #isDetached = false;
  #closing: Promise<void> = Promise.resolve();
  /** Releases of entries that arrived after the end. */
  readonly #releasing: Promise<void>[] = [];
  /** Called when no read is in flight. */
  #onIdle: (() => void) | undefined;
  #expiry: NodeJS.Timeout | undefined;

  /** @param queues the queues of the streams, in the same order */
  constructor(
    options: ConsumerOptions,
    queues: readonly WorkQueue[],
    onClosed: () => void,
    faults: FaultParts,
  ) {
    const { streams, deletesAcked } = options;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#client = new ConsumerClient(options, faults, () => void this.close());
    this.#streams = queues.map((queue, i) => ({
      queue,
      held: new HeldEntries(),
      deadLetters: { deadLetter: streams[i]?.deadLetter ?? "", deletesAcked },
    }));
    this.#backoff = new UnsettledBackoff(options.ackWaitMs, () => this.resume());
    this.#settling = new Settling({
      name: options.name,
      ackWaitMs: options.ackWaitMs,
      streams: this.#streams,
      onSettling: () => this.#backoff.settled(),
      lost: (queue, ids) => this.lost(queue, ids),
      resume: () => this.resume(),
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get ackWaitMs(): number {
    return this.#options.ackWaitMs;
  }

  get maxDeliver(): number {
    return this.#options.maxDeliver;
  }

  /** Begins to receive. @param after for each stream, the id after which its group begins if it did not exist */
  start(after: readonly EntryId[]): void {
    this.#streams.forEach(({ queue }, i) => {
      queue.add(this, after[i] ?? FIRST_ID);
    });
  }

  deadLettersOf(queue: MemberQueue): DeadLetters {
    return this.#streamOf(queue).deadLetters;
  }

  roomFor(queue: MemberQueue): number {
    const { permits } = this.#options;
    if (this.#isClosed || this.#backoff.isPaused || !this.#client.canSend()) return 0;
    let held = 0;
    let isAfter = false;
    for (const stream of this.#streams) {
      held += stream.held.size;
      isAfter ||= stream.queue === queue;
      if (!isAfter && !stream.queue.isDrained) return 0;
    }
    return (permits === 0 ? this.#granted : permits - held) - this.#reserved;
  }

  reserve(count: number, bytes: number): boolean {
    if (!this.#options.memory.reserve(bytes)) return false;
    this.#reserved += count;
    return true;
  }

  unreserve(count: number, bytes: number): void {
    this.#reserved -= count;
    this.#options.memory.unreserve(bytes);
    if (this.#reserved === 0) this.#onIdle?.();
    // Another stream may have waited for these permits. That of the reservation is read anyway.
    if (this.#streams.length > 1) this.resume();
  }

  deliver(queue: MemberQueue, entries: readonly Delivered[]): void {
    this.#streamOf(queue).held.add(entries, performance.now() + this.ackWaitMs);
    if (this.#options.permits === 0) this.#granted -= entries.length;
    if (this.#isClosed) {
      this.#releasing.push(this.#release());
      return;
    }
    this.#expiry ??= setInterval(() => this.#expire(), this.ackWaitMs / 2);
    if (entries.some(({ n }) => n > 1)) this.#backoff.redelivered();
    this.#client.deliver(queue.key, entries);
  }

  lost(queue: MemberQueue, ids: readonly EntryId[]): void {
    this.#streamOf(queue).held.remove(ids);
    if (!this.#isClosed) this.#client.lost(queue.key, ids);
  }

  forget(queue: MemberQueue, id: EntryId): void {
    this.#streamOf(queue).held.take(id);
  }

  drained(queue: MemberQueue): void {
    let isAfter = false;
    for (const stream of this.#streams) {
      if (isAfter) stream.queue.resume();
      isAfter ||= stream.queue === queue;
    }
  }

  fail(error: GatewayError): void {
    if (!this.#isClosed) this.#client.fail(error);
  }

  /** Call when the client can receive more, or there are more permits. */
  resume(): void {
    if (!this.#isClosed) for (const { queue } of this.#streams) queue.resume();
  }

  /** Permits further entries, with `permits: 0`. */
  grant(count: number): void {
    this.#granted = Math.min(this.#granted + count, MAX_PERMITS);
    this.resume();
  }

  /** Acknowledges entries. */
  ack(entries: readonly NamedEntry[], done: OnOutcome): void {
    this.#settling.ack(entries, this.#client.guard(done));
  }

  /** Gives entries back, to be delivered again after a delay of at most `ack_wait`. */
  nack(entries: readonly NamedEntry[], delayMs: number, done: OnOutcome): void {
    this.#settling.nack(entries, delayMs, this.#client.guard(done));
  }

  /** Moves entries to the dead-letter stream. */
  term(entries: readonly NamedEntry[], reason: string, done: OnOutcome): void {
    this.#settling.term(entries, reason, this.#client.guard(done));
  }

  /** Keeps entries for another `ack_wait`. */
  progress(entries: readonly NamedEntry[], done: OnOutcome): void {
    this.#settling.progress(entries, this.#client.guard(done));
  }

  /** Returns its entries to the group, uncounted, so that other consumers receive them at once. */
  close(): Promise<void> {
    if (this.#end()) this.#closing = this.#release().then(() => this.#finish());
    return this.#closing;
  }

  /** Ends without giving anything back: the client settles its entries by their ids. */
  detach(): void {
    if (!this.#end()) return;
    this.#isDetached = true;
    for (const { held } of this.#streams) held.takeAll();
    void this.#finish();
  }

  /**
   * Waits for reads and scans in flight, and returns their entries to the group. If the connection were closed first, Redis
   * would count these entries as delivered, and no worker would have received them.
   */
  async #finish(): Promise<void> {
    if (this.#reserved > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    await Promise.all(this.#releasing);
    this.#onClosed();
  }

  #end(): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    clearInterval(this.#expiry);
    this.#backoff.close();
    for (const { queue } of this.#streams) queue.remove(this);
    return true;
  }

  async #release(): Promise<void> {
    await Promise.all(
      this.#streams.map(async ({ queue, held }) => {
        const entries = held.takeAll();
        // If it fails, the entries are delivered again after `ack_wait`.
        await queue.commands.settle
          .release(this.name, entries, this.ackWaitMs, !this.#isDetached)
          .catch(() => undefined);
        if (entries.length > 0) queue.scans.runIn(0);
      }),
    );
  }

  #streamOf(queue: MemberQueue): HeldStream {
    const stream = this.#streams.find((one) => one.queue === queue);
    if (stream === undefined) throw new Error("the consumer has no such queue");
    return stream;
  }

  /** Returns the permits of entries that another consumer may have received by now. */
  #expire(): void {
    const now = performance.now();
    const count = () => this.#streams.reduce((sum, { held }) => sum + held.size, 0);
    const before = count();
    for (const { held } of this.#streams) held.expire(now);
    const after = count();
    if (after < before) this.resume();
    if (after > 0) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
  }
}
