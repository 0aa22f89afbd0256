/**
 * Sleeping with the whole process. A load generator of a throughput that naps between two looks at its sockets finds
 * more in each, and so takes a fraction of the processor; the measured side is spared one wake-up a frame.
 */

const never = new Int32Array(new SharedArrayBuffer(4));

/** Stops this process, its sockets too, for so many ms. */
export function nap(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}

/** Gives the event loop one round, in which everything that has arrived is read. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
