/**
 * Gate of large requests in flight. Redis replies on a connection in order, so a small request behind dozens of pages of a
 * megabyte, the details of thousands of streams, or thousands of appends would wait for all of their replies. Large
 * requests wait here until little is in flight; small ones pass. Clients take turns, so that a client waits for one large
 * request of each other client, however many of them wait.
 */
import { createFifo, type Fifo } from "../fifo.ts";

/** Limits of a gate, in the unit of its requests, for example bytes. */
export interface InFlightLimits {
  /** Requests up to this size do not wait. */
  readonly small: number;
  /** Size of all large requests in flight. One of them may be larger. */
  readonly max: number;
}

/** Large request, which waits while too many bytes are in flight. */
export interface LargeRequest<T> {
  /** Client whose requests start in order. */
  readonly client: string;
  /** Returns the expected size. Called again while the request waits, because the size may become known meanwhile. */
  readonly size: () => number;
  readonly send: () => Promise<T>;
}

/** A request that waits. */
interface Waiting {
  readonly size: () => number;
  /** @param size the size that the request was admitted with */
  readonly start: (size: number) => void;
}

/** Limits the large requests of one kind. */
export class InFlightGate {
  readonly #limits: InFlightLimits;
  /** Waiting requests of each client that has any; the first client is next. */
  readonly #queues = new Map<string, Fifo<Waiting>>();
  #size = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  /** Sends a request now, or after other large ones have been answered. */
  async run<T>(request: LargeRequest<T>): Promise<T> {
    let size = request.size();
    if (size <= this.#limits.small) return request.send();
    if (this.#queues.size > 0 || !this.#hasRoom(size)) size = await this.#turnOf(request);
    else this.#size += size;
    try {
      return await request.send();
    } finally {
      this.#size -= size;
      this.#startNext();
    }
  }

  #hasRoom(size: number): boolean {
    return this.#size === 0 || this.#size + size <= this.#limits.max;
  }

  /** Waits until the request may start. @returns the size that it was admitted with */
  #turnOf({ client, size }: LargeRequest<unknown>): Promise<number> {
    const queue = this.#queues.get(client) ?? createFifo<Waiting>();
    this.#queues.set(client, queue);
    return new Promise((start) => queue.add({ size, start }));
  }

  #startNext(): void {
    for (const [client, queue] of this.#queues) {
      const next = queue.oldest;
      const size = next?.size() ?? 0;
      if (next === undefined || !this.#hasRoom(size)) return;
      queue.take();
      // The client moves to the end of the order, which this loop reaches again.
      this.#queues.delete(client);
      if (queue.size > 0) this.#queues.set(client, queue);
      this.#size += size;
      next.start(size);
    }
  }
}
