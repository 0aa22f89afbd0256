/**
 * Fair turns of the event loop. A turn handles everything that has arrived: if hundreds of connections send requests at
 * once, a client that sends a single one would wait for all of them. So a turn spends a few milliseconds on requests, and
 * the rest waits for the next turns, in which all clients take turns, and all connections of a client among each other.
 */
import { createFifo, type Fifo } from "./fifo.ts";

/** Time (ms) that one turn of the event loop spends on tasks. */
const TURN_MS = 5;
/** Maximum number of waiting tasks that start in one turn. */
const MOST_STARTED = 64;

/** Client that a task is done for. */
export interface TaskOwner {
  /** Any object of the connection. */
  readonly connection: object;
  /** Returns the client's address; called only if the task has to wait. */
  readonly address: () => string;
}

type Task = () => void;

/** Tasks that start in a fair order. */
export class FairTurns {
  readonly #waiting = new RoundRobin();
  /** When the first task of this turn started, in ms of `performance.now()`; undefined before it does. */
  #startedAt: number | undefined;
  /** Whether the starts of waiting tasks are scheduled. */
  #isScheduled = false;

  /** Starts a task at once, or in a later turn if this one has no time left. */
  run(owner: TaskOwner, task: Task): void {
    if (this.#isScheduled || this.#isTurnOver()) this.defer(owner, task);
    else task();
  }

  /** Starts a task in a later turn: for a connection that had its part of this one. */
  defer({ connection, address }: TaskOwner, task: Task): void {
    this.#waiting.add(address(), connection, task);
    if (!this.#isScheduled) this.#schedule();
  }

  #isTurnOver(): boolean {
    if (this.#startedAt !== undefined) return performance.now() - this.#startedAt >= TURN_MS;
    this.#startedAt = performance.now();
    setImmediate(this.#endTurn);
    return false;
  }

  readonly #endTurn = (): void => {
    this.#startedAt = undefined;
  };

  /** Schedules one callback per task, because promises are settled between callbacks: their time counts, too. */
  #schedule(): void {
    this.#isScheduled = true;
    const starts = Math.min(this.#waiting.size, MOST_STARTED);
    for (let i = 1; i < starts; i++) setImmediate(this.#startNext);
    setImmediate(this.#startLast);
  }

  readonly #startNext = (): void => {
    if (!this.#isTurnOver()) this.#waiting.take()?.();
  };

  readonly #startLast = (): void => {
    try {
      this.#startNext();
    } finally {
      if (this.#waiting.size > 0) this.#schedule();
      else this.#isScheduled = false;
    }
  };
}

/** Queues by address and connection. */
class RoundRobin {
  /** The queues, each of a connection of an address, in the order of their turns. */
  readonly #addresses = new Map<string, Map<object, Fifo<Task>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(address: string, connection: object, task: Task): void {
    const queues = this.#addresses.get(address) ?? new Map<object, Fifo<Task>>();
    this.#addresses.set(address, queues);
    const queue = queues.get(connection) ?? createFifo<Task>();
    queues.set(connection, queue);
    queue.add(task);
    this.#size++;
  }

  take(): Task | undefined {
    const [first] = this.#addresses;
    if (first === undefined) return undefined;
    const [address, queues] = first;
    const [next] = queues;
    this.#addresses.delete(address);
    if (next === undefined) return undefined;
    const [connection, queue] = next;
    const task = queue.take();
    this.#size--;
    queues.delete(connection);
    if (queue.size > 0) queues.set(connection, queue);
    if (queues.size > 0) this.#addresses.set(address, queues);
    return task;
  }
}
