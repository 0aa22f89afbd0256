/** Settles the entries of a consumer: those that it holds, in all of its streams. */
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { NamedEntry, Outcome } from "./consumer-options.ts";
import type { HeldEntries } from "./held-entries.ts";
import type { DeadLetters, HeldEntry, Settled } from "./held-entry.ts";
import type { MemberQueue } from "./queue-member.ts";
import type { WorkQueue } from "./work-queue.ts";

/** A stream of a consumer. */
export interface HeldStream {
  readonly queue: WorkQueue;
  readonly held: HeldEntries;
  readonly deadLetters: DeadLetters;
}

/** The consumer whose entries are settled. */
export interface SettlingConsumer {
  readonly name: string;
  readonly ackWaitMs: number;
  readonly streams: readonly HeldStream[];
  /** Called when the client settles entries, or works on them. */
  onSettling(): void;
  lost(queue: MemberQueue, ids: readonly EntryId[]): void;
  /** Called when permits are free. */
  resume(): void;
}

/** Settles entries of one stream. */
type Settle = (stream: HeldStream, entries: readonly HeldEntry[]) => Promise<Settled>;

/** Settles the entries that a client names. All methods throw `GatewayError`. */
export class Settling {
  readonly #consumer: SettlingConsumer;

  constructor(consumer: SettlingConsumer) {
    this.#consumer = consumer;
  }

  ack(entries: readonly NamedEntry[]): Promise<Outcome> {
    const { name } = this.#consumer;
    return this.#settle(entries, ({ queue, deadLetters }, held) =>
      queue.commands.settle.ack(name, held, deadLetters.deletesAcked),
    );
  }

  /** Gives entries back, to be delivered again after a delay of at most `ack_wait`. */
  nack(entries: readonly NamedEntry[], delayMs: number): Promise<Outcome> {
    const { name, ackWaitMs } = this.#consumer;
    return this.#settle(entries, async ({ queue }, held) => {
      const settled = await queue.commands.settle.nack(name, held, ackWaitMs - delayMs);
      queue.scans.runIn(delayMs);
      return settled;
    });
  }

  /** Moves entries to the dead-letter stream. */
  term(entries: readonly NamedEntry[], reason: string): Promise<Outcome> {
    const { name } = this.#consumer;
    return this.#settle(entries, ({ queue, deadLetters }, held) =>
      queue.commands.settle.term(name, held, reason, deadLetters),
    );
  }

  /** Keeps entries for another `ack_wait`. */
  progress(entries: readonly NamedEntry[]): Promise<Outcome> {
    const { name } = this.#consumer;
    return this.#settle(entries, ({ queue }, held) => queue.commands.settle.progress(name, held), true);
  }

  /** @param keeps whether the entries remain held */
  #settle(entries: readonly NamedEntry[], settle: Settle, keeps = false): Promise<Outcome> {
    const { streams, ackWaitMs } = this.#consumer;
    this.#consumer.onSettling();
    const expiresAt = performance.now() + ackWaitMs;
    const late: NamedEntry[] = [];
    const settling: Promise<void>[] = [];
    for (const stream of streams) {
      const { held, queue } = stream;
      const found: HeldEntry[] = [];
      for (const named of entries) {
        if (named.key !== queue.key) continue;
        const one = keeps ? held.prolong(named.id, expiresAt) : held.take(named.id);
        if (one === undefined) late.push(named);
        else found.push(one);
      }
      if (found.length > 0) settling.push(this.#settleIn(stream, found, settle, late));
    }
    if (!keeps) this.#consumer.resume();
    const outcome = () => ({ settled: entries.length - late.length, late });
    const [only] = settling;
    // Nearly all consumers have one stream.
    return only !== undefined && settling.length === 1
      ? only.then(outcome)
      : Promise.all(settling).then(outcome);
  }

  #settleIn(
    stream: HeldStream,
    entries: readonly HeldEntry[],
    settle: Settle,
    late: NamedEntry[],
  ): Promise<void> {
    const { queue, held } = stream;
    return settle(stream, entries).then((done) => {
      // After `progress`, the entries are held until their outcome is known.
      held.remove(done.late);
      if (done.lost.length > 0) this.#consumer.lost(queue, done.lost);
      for (const id of done.late) late.push({ key: queue.key, id });
    });
  }
}
