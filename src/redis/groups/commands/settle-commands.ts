/** Acknowledges and returns entries of one consumer group, or moves them to its dead letters. Methods throw `GatewayError`. */
import { GatewayError } from "../../../domain/errors.ts";
import { type Entry, fieldArguments } from "../../../domain/streams/entry.ts";
import { entriesOf } from "../../read/entry-decoder.ts";
import { withGatewayErrors } from "../../reply-errors.ts";
import { type Reply, ReplyError } from "../../resp/reader.ts";
import type { Argument } from "../../resp/writer.ts";
import {
  addHeld,
  allLate,
  type DeadLetters,
  type HeldEntry,
  listOf,
  type OnSettled,
  type Settled,
  settledOf,
} from "../held-entry.ts";
import { type Ack, Acknowledgements } from "./acknowledgements.ts";
import { type GroupConnections, maxDeadLetters, settleByScript } from "./connections.ts";
import type { Script } from "./script.ts";
import { MAX_MOVED, MOVE, RELEASED, TERM } from "./scripts.ts";

/** Settles entries of a group. */
export class SettleCommands {
  readonly #acknowledgements: Acknowledgements;
  readonly #key: string;
  readonly #group: string;
  readonly #connections: GroupConnections;

  constructor(key: string, group: string, connections: GroupConnections) {
    this.#key = key;
    this.#group = group;
    this.#connections = connections;
    this.#acknowledgements = new Acknowledgements(key, group, connections);
  }

  /** Acknowledges entries, together with those of other consumers. `done` is called exactly once. */
  acknowledge(ack: Ack, done: OnSettled): void {
    this.#acknowledgements.add(ack, done);
  }

  /** Like `acknowledge`. @param deletes whether to delete the entries, too */
  ack(consumer: string, entries: readonly HeldEntry[], deletes: boolean): Promise<Settled> {
    return promiseOf((done) => this.acknowledge({ consumer, entries, deletes }, done));
  }

  /** Keeps entries for another `ack_wait`. */
  progress(consumer: string, entries: readonly HeldEntry[]): Promise<Settled> {
    return this.#move(consumer, [consumer, 0, "0", "0"], entries);
  }

  /** Gives entries back, to be delivered again once they are idle for long enough. The delivery is counted. */
  nack(consumer: string, entries: readonly HeldEntry[], idleMs: number): Promise<Settled> {
    return this.#move(consumer, [RELEASED, idleMs, "0", "0"], entries);
  }

  /**
   * Returns the entries of a consumer that ends, uncounted.
   *
   * @param removes whether to remove a consumer that holds nothing else
   */
  release(
    consumer: string,
    entries: readonly HeldEntry[],
    idleMs: number,
    removes: boolean,
  ): Promise<Settled> {
    return this.#move(consumer, [RELEASED, idleMs, "1", removes ? "1" : "0"], entries);
  }

  /** Moves entries to the dead-letter stream. */
  term(
    consumer: string,
    entries: readonly HeldEntry[],
    reason: string,
    deadLetters: DeadLetters,
  ): Promise<Settled> {
    const { deadLetter, deletesAcked } = deadLetters;
    if (!this.#connections.isSameServer(this.#key, deadLetter))
      return this.#termInTwoSteps(consumer, entries, reason, deadLetters);
    const args = [consumer, deletesAcked ? "1" : "0", maxDeadLetters(this.#connections), reason];
    return this.#inParts(TERM, [this.#key, deadLetter], args, entries);
  }

  /**
   * Moves an entry to a dead-letter stream on another node of a cluster. After a crash between the two steps it is there twice.
   *
   * @param n number of deliveries, a field of the dead letter
   */
  async moveToDeadLetters(
    consumer: string,
    held: HeldEntry,
    { id, data, fields }: Entry,
    {
      n,
      reason,
      deadLetters,
    }: { readonly n: number; readonly reason: string; readonly deadLetters: DeadLetters },
  ): Promise<void> {
    const { deadLetter, deletesAcked } = deadLetters;
    await this.#connections.settling
      .call(
        ...["XADD", deadLetter, "MAXLEN", "~", maxDeadLetters(this.#connections), "*"],
        ...["stream", this.#key, "id", id, "n", n, "reason", reason, "d"],
        data,
        ...fieldArguments(fields),
      )
      .catch((error: Error) => {
        throw error instanceof ReplyError ? deadLetterError(error.message) : error;
      });
    await this.ack(consumer, [held], deletesAcked);
  }

  #move(consumer: string, args: readonly Argument[], entries: readonly HeldEntry[]): Promise<Settled> {
    return this.#inParts(MOVE, [this.#key], [consumer, ...args], entries);
  }

  async #inParts(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    entries: readonly HeldEntry[],
  ): Promise<Settled> {
    const parts: Promise<Settled>[] = [];
    let from = 0;
    do {
      const part = entries.slice(from, from + MAX_MOVED);
      const all: Argument[] = [this.#group, ...args];
      addHeld(all, part);
      parts.push(
        promiseOf((done) =>
          settleByScript(this.#connections, script, { keys, args: all }, (result) =>
            done(result instanceof GatewayError ? result : outcomeOf(result, part)),
          ),
        ),
      );
      from += MAX_MOVED;
    } while (from < entries.length);
    const [first, ...others] = await Promise.all(parts);
    if (first !== undefined && others.length === 0) return first;
    const outcomes = first === undefined ? [] : [first, ...others];
    return {
      late: outcomes.flatMap(({ late }) => late),
      lost: outcomes.flatMap(({ lost }) => lost),
    };
  }

  /** Claims each entry again before it is moved, so that no other consumer receives it in between. */
  async #termInTwoSteps(
    consumer: string,
    entries: readonly HeldEntry[],
    reason: string,
    deadLetters: DeadLetters,
  ): Promise<Settled> {
    const missed: Settled[] = [];
    for (const held of entries) {
      const kept = await this.progress(consumer, [held]);
      missed.push(kept);
      if (kept.late.length + kept.lost.length > 0) continue;
      const reply = this.#connections.settling.call("XRANGE", this.#key, held.id, held.id);
      const [entry] = entriesOf(await withGatewayErrors(reply));
      if (entry !== undefined)
        await this.moveToDeadLetters(consumer, held, entry, { n: held.n ?? 0, reason, deadLetters });
    }
    return { late: missed.flatMap(({ late }) => late), lost: missed.flatMap(({ lost }) => lost) };
  }
}

/** Returns a promise of the result that a function passes to its callback. */
const promiseOf = (settle: (done: OnSettled) => void): Promise<Settled> =>
  new Promise((resolve, reject) =>
    settle((result) => (result instanceof GatewayError ? reject(result) : resolve(result))),
  );

/** Reads the reply of `MOVE` or `TERM`. @returns an error if an entry could not be moved to the dead letters */
function outcomeOf(reply: Reply | undefined, entries: readonly HeldEntry[]): Settled | GatewayError {
  if (reply === undefined) return allLate(entries);
  const [late, lost, problem = ""] = listOf(reply);
  if (String(problem) !== "") return deadLetterError(String(problem));
  return settledOf(late, lost);
}

const deadLetterError = (problem: string) => new GatewayError("REDIS_REFUSED", `dead letter: ${problem}`);
