/**
 * Gate of large requests in flight. Redis replies on a connection in order, so a small request behind dozens of pages of a
 * megabyte, the details of thousands of streams, or thousands of appends would wait for all of their replies. Large
 * requests wait here until little is in flight; small ones pass.
 */
import { createFifo } from "../domain/fifo.ts";

/** Limits of a gate, in the unit of its requests, for example bytes. */
export interface InFlightLimits {
  /** Requests up to this size do not wait. */
  readonly small: number;
  /** Size of all large requests in flight. One of them may be larger. */
  readonly most: number;
}

/** Limits the large requests of one kind. */
export class InFlightGate {
  readonly #limits: InFlightLimits;
  readonly #waiting = createFifo<{ readonly size: number; readonly start: () => void }>();
  #size = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  /** Sends a request now, or after other large ones have been answered. @param size expected size */
  async run<T>(size: number, send: () => Promise<T>): Promise<T> {
    if (size <= this.#limits.small) return send();
    if (this.#waiting.size > 0 || !this.#hasRoom(size))
      await new Promise<void>((start) => this.#waiting.add({ size, start }));
    else this.#size += size;
    try {
      return await send();
    } finally {
      this.#size -= size;
      this.#startNext();
    }
  }

  #hasRoom(size: number): boolean {
    return this.#size === 0 || this.#size + size <= this.#limits.most;
  }

  #startNext(): void {
    for (;;) {
      const next = this.#waiting.oldest;
      if (next === undefined || !this.#hasRoom(next.size)) return;
      this.#waiting.take();
      this.#size += next.size;
      next.start();
    }
  }
}
