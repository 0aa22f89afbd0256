/**
 * Time slices for long work. Parsing or encoding megabytes would block the event loop and delay other clients, so such work
 * runs in slices and yields to the event loop in between.
 */

/** Time (ms) that one slice may hold the event loop. */
const SLICE_MS = 8;

/** The slices of one piece of work. */
export interface WorkSlices {
  /** Whether the current slice has used its time. */
  isOver(): boolean;
  /** Yields to the event loop, then begins a new slice. */
  next(): Promise<void>;
}

/** Begins the first slice. */
export function createWorkSlices(): WorkSlices {
  let startedAt = performance.now();
  return {
    isOver: () => performance.now() - startedAt >= SLICE_MS,
    async next() {
      // Not a microtask: sockets are only served between event-loop turns.
      await new Promise<void>((resolve) => setImmediate(resolve));
      startedAt = performance.now();
    },
  };
}

/**
 * Runs a generator in slices. It may pause at each `yield`, so the work between two yields must be short.
 *
 * @returns what the generator returns
 * @throws the error that the generator throws
 */
export async function runInSlices<T>(work: Iterator<void, T>): Promise<T> {
  const slices = createWorkSlices();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (slices.isOver()) await slices.next();
  }
}
