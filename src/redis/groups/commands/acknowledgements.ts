/**
 * Acknowledgements of a group: those of all its consumers in one event-loop turn are sent as one command. A client may acknowledge
 * each entry in a message of its own, and a group may have hundreds of consumers.
 */
import type { Argument } from "../../resp/writer.ts";
import { allLate, type HeldEntry, inOrder, listOf, type Settled, settledOf } from "../held-entry.ts";
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
  resolve(settled: Settled): void;
  reject(error: unknown): void;
}

/** Acknowledges entries. Throws `GatewayError`. */
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
  add({ consumer, entries, deletes }: Ack): Promise<Settled> {
    const [first, ...others] = partsOf(entries).map((part) =>
      this.#addPart({ consumer, entries: part, deletes }),
    );
    if (first === undefined) return Promise.resolve(settledOf([]));
    return others.length === 0 ? first : joinParts([first, ...others]);
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

  #addPart({ consumer, entries, deletes }: Ack): Promise<Settled> {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#connections.atTurnEnd(() => {
        this.#isScheduled = false;
        this.#flush();
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ consumer, entries, deletes, resolve, reject });
    });
  }

  #send(acks: readonly WaitingAck[]): void {
    const args: Argument[] = [this.#group];
    for (const { consumer, entries, deletes } of acks) {
      args.push(consumer, deletes ? "1" : "0", entries[0]?.n ?? "", entries.length);
      for (const { id } of inOrder(entries)) args.push(id);
    }
    settleByScript(this.#connections, ACK, { keys: [this.#key], args }).then(
      (reply) => {
        const lists = listOf(reply);
        acks.forEach(({ entries, resolve }, i) => {
          resolve(reply === undefined ? allLate(entries) : settledOf(lists[i]));
        });
      },
      (error) => {
        for (const { reject } of acks) reject(error);
      },
    );
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

async function joinParts(parts: readonly Promise<Settled>[]): Promise<Settled> {
  return { late: (await Promise.all(parts)).flatMap(({ late }) => late), lost: [] };
}
