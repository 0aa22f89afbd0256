/**
 * Gate of large reads. Redis replies on a connection in order, so a small read behind dozens of pages of a megabyte, or
 * behind the details of thousands of streams, would wait until all of them are received. Large reads wait here until
 * little is on its way; small ones pass.
 */
import { createFifo } from "../../domain/fifo.ts";

/** Limits of a gate, in the unit of its reads, for example bytes. */
export interface ReadGateLimits {
  /** Reads up to this size do not wait. */
  readonly small: number;
  /** Size of all large reads that are requested at once. One of them may be larger. */
  readonly most: number;
}

/** Limits the large reads of one connection. */
export class ReadGate {
  readonly #limits: ReadGateLimits;
  readonly #waiting = createFifo<{ readonly size: number; readonly start: () => void }>();
  #size = 0;

  constructor(limits: ReadGateLimits) {
    this.#limits = limits;
  }

  /** Runs a read now, or after other large reads have arrived. @param size expected size */
  async run<T>(size: number, read: () => Promise<T>): Promise<T> {
    if (size <= this.#limits.small) return read();
    if (this.#waiting.size > 0 || !this.#hasRoom(size))
      await new Promise<void>((start) => this.#waiting.add({ size, start }));
    else this.#size += size;
    try {
      return await read();
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
