/** Settles the entries of a consumer: those that it holds, in all of its streams. */
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { NamedEntry, OnOutcome } from "./consumer-options.ts";
import type { HeldEntries } from "./held-entries.ts";
import type { DeadLetters, HeldEntry, OnSettled, Settled } from "./held-entry.ts";
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
type Settle = (stream: HeldStream, entries: readonly HeldEntry[], done: OnSettled) => void;

/**
 * Settles the entries that a client names. `done` is called once, while the reply of Redis is handled: an answer that it sends leaves in
 * one write with the entries that follow in the same reply.
 */
export class Settling {
  readonly #consumer: SettlingConsumer;

  constructor(consumer: SettlingConsumer) {
    this.#consumer = consumer;
  }

  ack(entries: readonly NamedEntry[], done: OnOutcome): void {
    const { name: consumer } = this.#consumer;
    this.#settle(entries, done, ({ queue, deadLetters }, held, doneOne) =>
      queue.commands.settle.acknowledge(
        { consumer, entries: held, deletes: deadLetters.deletesAcked },
        doneOne,
      ),
    );
  }

  /** Gives entries back, to be delivered again after a delay of at most `ack_wait`. */
  nack(entries: readonly NamedEntry[], delayMs: number, done: OnOutcome): void {
    const { name, ackWaitMs } = this.#consumer;
    this.#settle(entries, done, ({ queue }, held, doneOne) =>
      report(
        queue.commands.settle.nack(name, held, ackWaitMs - delayMs).then((settled) => {
          queue.scans.runIn(delayMs);
          return settled;
        }),
        doneOne,
      ),
    );
  }

  /** Moves entries to the dead-letter stream. */
  term(entries: readonly NamedEntry[], reason: string, done: OnOutcome): void {
    const { name } = this.#consumer;
    this.#settle(entries, done, ({ queue, deadLetters }, held, doneOne) =>
      report(queue.commands.settle.term(name, held, reason, deadLetters), doneOne),
    );
  }

  /** Keeps entries for another `ack_wait`. */
  progress(entries: readonly NamedEntry[], done: OnOutcome): void {
    const { name } = this.#consumer;
    const keeps = true;
    this.#settle(
      entries,
      done,
      ({ queue }, held, doneOne) => report(queue.commands.settle.progress(name, held), doneOne),
      keeps,
    );
  }

  /** @param keeps whether the entries remain held */
  #settle(entries: readonly NamedEntry[], done: OnOutcome, settle: Settle, keeps = false): void {
    const { streams, ackWaitMs } = this.#consumer;
    this.#consumer.onSettling();
    const expiresAt = performance.now() + ackWaitMs;
    const late: NamedEntry[] = [];
    let failure: GatewayError | undefined;
    // One more than the streams, so that the outcome is complete.
    let missing = streams.length + 1;
    const doneOne = (result?: GatewayError) => {
      failure ??= result;
      if (--missing === 0) done(failure ?? { settled: entries.length - late.length, late });
    };
    for (const stream of streams) {
      const { held, queue } = stream;
      const found: HeldEntry[] = [];
      for (const named of entries) {
        if (named.key !== queue.key) continue;
        const one = keeps ? held.prolong(named.id, expiresAt) : held.take(named.id);
        if (one === undefined) late.push(named);
        else found.push(one);
      }
      if (found.length === 0) doneOne();
      else settle(stream, found, (result) => doneOne(this.#settled(stream, result, late)));
    }
    if (!keeps) this.#consumer.resume();
    doneOne();
  }

  /** Adds the result of a stream. @returns the error because of which it is unknown */
  #settled(
    { queue, held }: HeldStream,
    result: Settled | GatewayError,
    late: NamedEntry[],
  ): GatewayError | undefined {
    if (result instanceof GatewayError) return result;
    // After `progress`, the entries are held until their outcome is known.
    held.remove(result.late);
    if (result.lost.length > 0) this.#consumer.lost(queue, result.lost);
    for (const id of result.late) late.push({ key: queue.key, id });
    return undefined;
  }
}

/** Reports the result of a promise. */
function report(settling: Promise<Settled>, done: OnSettled): void {
  settling.then(done, (error) => done(asGatewayError(error)));
}
