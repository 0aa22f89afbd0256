/**
 * Fair turns of the event loop. A turn handles everything that has arrived: if hundreds of connections send requests at
 * once, a client that sends a single one would wait for all of them. So a turn spends a few milliseconds on requests, and
 * the rest waits for the next turns. The client that has used the least time is next (start-time fair queueing), so that a
 * client with few and cheap requests does not wait for those of a busy one. Its connections take turns.
 */

import { createFifo, type Fifo } from "../fifo.ts";
import type { AcceptPressure } from "./accept-pressure.ts";

/** Time (ms) that one turn of the event loop spends on tasks. */
const TURN_MS = 5;
/**
 * Part of the time of the other work of a turn, and its maximum (ms), if that is more and tasks wait. A turn that receives and
 * sends megabytes takes 40 ms: with a fixed time, tasks would get an eighth of the processor and wait for hundreds of ms.
 */
const OF_OTHER_WORK = 0.5;
const MAX_TURN_MS = 20;
/** Maximum number of waiting tasks that start in one turn. */
const MAX_STARTED = 64;
/** Size (bytes) of a message or body from which its chunks are received as tasks. Smaller ones are not worth a pause of the connection. */
export const LARGE_INPUT_BYTES = 512 * 1024;
/** Number of known clients above which those that have waited long enough are forgotten. */
const MAX_KNOWN = 1000;

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
  readonly #pressure: AcceptPressure;
  readonly #now: () => number;
  readonly #waiting = new FairQueue();
  /** Time at which the first task of this turn started, in ms of the clock; undefined before it does. */
  #startedAt: number | undefined;
  /** Time for the tasks of this turn, in ms. */
  #turnMs = TURN_MS;
  /** Time since which waiting tasks are not started, because their time in the last turn was over. */
  #stoppedAt: number | undefined;
  /** Whether the starts of waiting tasks are scheduled. */
  #isScheduled = false;
  /** Client whose task runs, and when it started. */
  #running: { readonly client: WaitingClient; readonly startedAt: number } | undefined;

  /**
   * @param pressure turns that start no task
   * @param now clock in ms
   */
  constructor(pressure: AcceptPressure, now: () => number = () => performance.now()) {
    this.#pressure = pressure;
    this.#now = now;
  }

  /** Starts a task at once, or in a later turn if this one has no time left. */
  run(owner: TaskOwner, task: Task): void {
    if (this.#isScheduled || this.#pressure.shouldYield() || this.#isTurnOver()) this.defer(owner, task);
    else task();
  }

  /** Starts a task in a later turn: for a connection that had its part of this one. */
  defer({ connection, address }: TaskOwner, task: Task): void {
    this.#waiting.add(address(), connection, task);
    if (!this.#isScheduled) this.#schedule();
  }

  #isTurnOver(): boolean {
    const now = this.#now();
    if (this.#startedAt !== undefined) return now - this.#startedAt >= this.#turnMs;
    this.#startedAt = now;
    const otherMs = now - (this.#stoppedAt ?? now);
    this.#turnMs = Math.min(MAX_TURN_MS, Math.max(TURN_MS, otherMs * OF_OTHER_WORK));
    setImmediate(this.#endTurn);
    return false;
  }

  readonly #endTurn = (): void => {
    this.#startedAt = undefined;
  };

  /** Schedules one callback per task, because promises are settled between callbacks: their time counts, too. */
  #schedule(): void {
    this.#isScheduled = true;
    const starts = Math.min(this.#waiting.size, MAX_STARTED);
    for (let i = 0; i < starts; i++) setImmediate(this.#startNext);
    setImmediate(this.#endStarts);
  }

  readonly #startNext = (): void => {
    this.#charge();
    if (this.#pressure.shouldYield() || this.#isTurnOver()) return;
    const next = this.#waiting.take();
    if (next === undefined) return;
    this.#running = { client: next.client, startedAt: this.#now() };
    next.task();
  };

  readonly #endStarts = (): void => {
    this.#charge();
    this.#isScheduled = this.#waiting.size > 0;
    if (!this.#isScheduled) this.#stoppedAt = undefined;
    // A turn that accepted connections may have started nothing.
    else if (this.#startedAt !== undefined) this.#stoppedAt = this.#now();
    if (this.#isScheduled) this.#schedule();
  };

  /** Adds the time of the last task to the time of its client. */
  #charge(): void {
    if (this.#running === undefined) return;
    const { client, startedAt } = this.#running;
    this.#running = undefined;
    this.#waiting.charge(client, this.#now() - startedAt);
  }
}

/** Client with its waiting tasks. */
interface WaitingClient {
  readonly address: string;
  /** Time (ms) that it has used, on the clock of the queue. */
  usedMs: number;
  /** Its connections with waiting tasks, in the order of their turns. */
  readonly queues: Map<object, Fifo<Task>>;
}

/** Queues by address and connection. */
class FairQueue {
  readonly #clients = new Map<string, WaitingClient>();
  /** Clients with waiting tasks. */
  readonly #waiting = new Set<WaitingClient>();
  /** Time used by the client that was served last. A client that was idle starts from here, and has no credit. */
  #clockMs = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(address: string, connection: object, task: Task): void {
    const client = this.#clientOf(address);
    if (client.queues.size === 0) {
      client.usedMs = Math.max(client.usedMs, this.#clockMs);
      this.#waiting.add(client);
    }
    const queue = client.queues.get(connection) ?? createFifo<Task>();
    client.queues.set(connection, queue);
    queue.add(task);
    this.#size++;
  }

  take(): { readonly client: WaitingClient; readonly task: Task } | undefined {
    let client: WaitingClient | undefined;
    for (const one of this.#waiting) if (client === undefined || one.usedMs < client.usedMs) client = one;
    const [first] = client?.queues ?? [];
    if (client === undefined || first === undefined) return undefined;
    const [connection, queue] = first;
    const task = queue.take();
    client.queues.delete(connection);
    // Behind the others: the next one is another connection, and of clients that used the same time another client.
    this.#waiting.delete(client);
    if (queue.size > 0) client.queues.set(connection, queue);
    if (client.queues.size > 0) this.#waiting.add(client);
    if (task === undefined) return undefined;
    this.#size--;
    this.#clockMs = Math.max(this.#clockMs, client.usedMs);
    return { client, task };
  }

  charge(client: WaitingClient, ms: number): void {
    client.usedMs += ms;
  }

  #clientOf(address: string): WaitingClient {
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    if (this.#clients.size >= MAX_KNOWN) this.#forgetIdle();
    const client = { address, usedMs: this.#clockMs, queues: new Map<object, Fifo<Task>>() };
    this.#clients.set(address, client);
    return client;
  }

  /** Forgets clients that nothing waits for and that would start from the clock anyway. */
  #forgetIdle(): void {
    for (const [address, { usedMs, queues }] of this.#clients)
      if (queues.size === 0 && usedMs <= this.#clockMs) this.#clients.delete(address);
  }
}
