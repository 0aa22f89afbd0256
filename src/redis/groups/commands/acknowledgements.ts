/**
 * Acknowledgements of a group: those of all its consumers in one event-loop turn are sent as one command. A client may acknowledge
 * each entry in a message of its own, and a group may have hundreds of consumers.
 */
import { GatewayError } from "../../../domain/errors.ts";
import type { EntryId } from "../../../domain/streams/entry-id.ts";
import type { Argument } from "../../resp/writer.ts";
import { allLate, type HeldEntry, inOrder, listOf, type OnSettled, settledOf } from "../held-entry.ts";
import { type GroupConnections, settleByScript } from "./connections.ts";
import { ACK, MAX_SETTLED } from "./scripts.ts";

/** Acknowledgement by a consumer. */
export interface Ack {
  readonly consumer: string;
  readonly entries: readonly HeldEntry[];
  /** Whether the entries are deleted, too. */
  readonly deletes: boolean;
}

interface WaitingAck extends Ack {
  readonly done: OnSettled;
}

/** Acknowledges entries. */
export class Acknowledgements {
  readonly #key: string;
  readonly #group: string;
  readonly #connections: GroupConnections;
  #waiting: WaitingAck[] = [];
  #isScheduled = false;

  constructor(key: string, group: string, connections: GroupConnections) {
    this.#key = key;
    this.#group = group;
    this.#connections = connections;
  }

  /** Acknowledges entries at the end of this event-loop turn. */
  add({ consumer, entries, deletes }: Ack, done: OnSettled): void {
    const parts = partsOf(entries);
    if (parts.length === 0) done(settledOf([]));
    const donePart = parts.length > 1 ? joinParts(parts.length, done) : done;
    for (const part of parts) this.#addPart({ consumer, entries: part, deletes, done: donePart });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; ) {
      let count = 0;
      let to = from;
      do count += waiting[to++]?.entries.length ?? 0;
      while (to < waiting.length && count + (waiting[to]?.entries.length ?? 0) <= MAX_SETTLED);
      this.#send(waiting.slice(from, to));
      from = to;
    }
  }

  #addPart(ack: WaitingAck): void {
    this.#waiting.push(ack);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#connections.atTurnEnd(() => {
        this.#isScheduled = false;
        this.#flush();
      });
    }
  }

  #send(acks: readonly WaitingAck[]): void {
    const args: Argument[] = [this.#group];
    for (const { consumer, entries, deletes } of acks) {
      args.push(consumer, deletes ? "1" : "0", entries[0]?.n ?? "", entries.length);
      for (const { id } of inOrder(entries)) args.push(id);
    }
    settleByScript(this.#connections, ACK, { keys: [this.#key], args }, (result) => {
      if (result instanceof GatewayError) {
        for (const { done } of acks) done(result);
        return;
      }
      const lists = listOf(result);
      acks.forEach(({ entries, done }, i) => {
        done(result === undefined ? allLate(entries) : settledOf(lists[i]));
      });
    });
  }
}

/** Splits entries into parts that one argument list of the script can contain: with the same delivery count. */
function partsOf(entries: readonly HeldEntry[]): readonly (readonly HeldEntry[])[] {
  const [first] = entries;
  if (first === undefined) return [];
  if (entries.length <= MAX_SETTLED && entries.every(({ n }) => n === first.n)) return [entries];
  const byCount = new Map<number | undefined, HeldEntry[]>();
  for (const entry of entries) {
    const same = byCount.get(entry.n);
    if (same === undefined) byCount.set(entry.n, [entry]);
    else same.push(entry);
  }
  const parts: HeldEntry[][] = [];
  for (const same of byCount.values())
    for (let from = 0; from < same.length; from += MAX_SETTLED)
      parts.push(same.slice(from, from + MAX_SETTLED));
  return parts;
}

/** Joins the results of parts. @returns a function that receives that of each part */
function joinParts(count: number, done: OnSettled): OnSettled {
  const late: EntryId[] = [];
  let missing = count;
  let failure: GatewayError | undefined;
  return (result) => {
    if (result instanceof GatewayError) failure ??= result;
    else late.push(...result.late);
    if (--missing === 0) done(failure ?? { late, lost: [] });
  };
}
