/** Commands of one consumer group of one stream. Every method that returns a promise throws `GatewayError`. */
import type { Entry } from "../../../domain/streams/entry.ts";
import { type EntryId, FIRST_ID } from "../../../domain/streams/entry-id.ts";
import { entriesByKey, entriesOf } from "../../read/entry-decoder.ts";
import { gatewayErrorOf, withGatewayErrors } from "../../reply-errors.ts";
import { type Reply, ReplyError } from "../../resp/reader.ts";
import { type DeadLetters, idsOf, listOf } from "../held-entry.ts";
import { callScript, type GroupConnections, maxDeadLetters } from "./connections.ts";
import { RECREATE } from "./recreate.ts";
import { RECLAIM } from "./scripts.ts";
import { SettleCommands } from "./settle-commands.ts";

/** An entry for a consumer, with its delivery count. */
export interface Delivered {
  readonly entry: Entry;
  readonly n: number;
}

/** A delivered entry that another consumer held before. */
export interface Reclaimed extends Delivered {
  readonly owner: string;
}

/** Position of a group in a stream. */
export interface GroupPosition {
  readonly id: EntryId;
  /** See `markOf`, empty for an entry without; undefined if the group has read no entry up to here. */
  readonly mark: string | undefined;
}

/** Options of `reclaim`. */
export interface ReclaimOptions {
  readonly idleMs: number;
  readonly count: number;
  readonly maxDeliver: number;
  readonly deadLetters: DeadLetters;
}

/** Result of `reclaim`. */
export interface Reclaim {
  readonly taken: readonly Reclaimed[];
  readonly lost: readonly EntryId[];
  /** Number of entries that were moved to the dead letters. */
  readonly dead: number;
  /** Pending entries of the whole group. */
  readonly pending: number;
  /** Why an entry could not be moved to the dead letters; empty if all were. */
  readonly problem: string;
}

/** Receives entries, or an error. */
export type OnRead = (error: Error | undefined, entries: readonly Entry[]) => void;

/** Delivery count that no entry reaches. */
const NEVER = 2 ** 50;

/** Commands of a group. */
export class GroupCommands {
  readonly key: string;
  readonly settle: SettleCommands;
  readonly #group: string;
  readonly #connections: GroupConnections;

  constructor(key: string, group: string, connections: GroupConnections) {
    this.key = key;
    this.settle = new SettleCommands(key, group, connections);
    this.#group = group;
    this.#connections = connections;
  }

  /**
   * Creates the group if it does not exist, and the stream.
   *
   * @param from the id after which it begins, or `$` for the last entry
   * @returns that id
   */
  async create(from: EntryId | "$"): Promise<EntryId> {
    const after = from === "$" ? await this.#lastId() : from;
    try {
      await this.#connections.settling.call("XGROUP", "CREATE", this.key, this.#group, after, "MKSTREAM");
    } catch (error) {
      if (!(error instanceof ReplyError) || error.code !== "BUSYGROUP") throw gatewayErrorOf(error as Error);
    }
    return after;
  }

  /**
   * Creates the group again after it, or the stream, was deleted. In another stream than before, it begins at the first entry.
   *
   * @param after where the group begins in the same stream @throws ReplyError or GatewayError
   */
  async recreate({ id, mark }: GroupPosition): Promise<void> {
    const args = [this.#group, id, ...(mark === undefined ? [] : [Buffer.from(mark, "latin1")])];
    await callScript(this.#connections.settling, RECREATE, { keys: [this.key], args });
  }

  async #lastId(): Promise<EntryId> {
    const reply = this.#connections.settling.call("XREVRANGE", this.key, "+", "-", "COUNT", 1);
    return entriesOf(await withGatewayErrors(reply))[0]?.id ?? FIRST_ID;
  }

  /** Arms the tracking of the stream: its next growth is reported. */
  arm(): void {
    this.#connections.live.send(["XLEN", this.key], () => undefined);
  }

  /** Runs a task at the end of this event-loop turn: its commands leave in one write with acknowledgements of the turn. */
  atTurnEnd(task: () => void): void {
    this.#connections.atTurnEnd(task);
  }

  /** Reads entries that no consumer has received yet. */
  read(consumer: string, count: number, done: OnRead): void {
    this.#connections.live.send(
      ["XREADGROUP", "GROUP", this.#group, consumer, "COUNT", count, "STREAMS", this.key, ">"],
      (error, reply) => {
        if (error !== undefined) done(error, []);
        else done(undefined, entriesByKey(reply)[0]?.[1] ?? []);
      },
    );
  }

  /** Claims entries that were idle for too long, and moves those that were delivered too often to the dead letters. */
  async reclaim(consumer: string, options: ReclaimOptions): Promise<Reclaim> {
    const { idleMs, count, maxDeliver, deadLetters } = options;
    const { deadLetter, deletesAcked } = deadLetters;
    const { live, isSameServer } = this.#connections;
    const isOneStep = isSameServer(this.key, deadLetter);
    const deletes = deletesAcked ? "1" : "0";
    const max = isOneStep ? maxDeliver : NEVER;
    const reply = await callScript(live, RECLAIM, {
      keys: [this.key, isOneStep ? deadLetter : this.key],
      args: [this.#group, consumer, deletes, maxDeadLetters(this.#connections), idleMs, count, max],
    });
    const [taken, lost, dead, pending, problem] = listOf(reply);
    const claimed = listOf(taken).map(reclaimedOf);
    const found: Reclaim = {
      taken: claimed,
      lost: idsOf(lost),
      dead: Number(dead),
      pending: Number(pending),
      problem: String(problem),
    };
    return isOneStep ? found : this.#moveToDeadLetters(consumer, found, options);
  }

  /** Moves claimed entries that were delivered too often to the dead letters, if these are on another node. */
  async #moveToDeadLetters(
    consumer: string,
    found: Reclaim,
    { maxDeliver, deadLetters }: Pick<ReclaimOptions, "maxDeliver" | "deadLetters">,
  ): Promise<Reclaim> {
    let { dead, problem } = found;
    for (const { entry, n } of found.taken) {
      if (n <= maxDeliver) continue;
      const letter = { n: n - 1, reason: "max_deliver", deadLetters };
      try {
        await this.settle.moveToDeadLetters(consumer, { id: entry.id, n }, entry, letter);
        dead++;
      } catch (error) {
        // The next scan finds the entry again.
        problem = (error as Error).message;
      }
    }
    return { ...found, dead, problem, taken: found.taken.filter(({ n }) => n <= maxDeliver) };
  }
}

function reclaimedOf(reply: Reply): Reclaimed {
  const [id = null, fields = null, n, owner] = listOf(reply);
  const [entry] = entriesOf([[id, fields]]);
  if (entry === undefined) throw new Error("Redis did not reply with a claimed entry");
  return { entry, n: Number(n), owner: String(owner) };
}
