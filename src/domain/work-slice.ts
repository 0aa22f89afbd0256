/**
 * Slices of long work. Parsing or encoding megabytes takes longer than other clients should wait, so such work runs in
 * slices and lets everything else that is due run in between.
 */

/** Time (ms) that one slice may hold the event loop. */
const SLICE_MS = 8;

/** The slices of one piece of work. */
export interface WorkSlices {
  /** Whether the current slice has used its time. */
  isOver(): boolean;
  /** Resolves when other work had its turn, and begins a new slice. */
  next(): Promise<void>;
}

/** Begins the first slice. */
export function createWorkSlices(): WorkSlices {
  let startedAt = performance.now();
  return {
    isOver: () => performance.now() - startedAt >= SLICE_MS,
    async next() {
      // Not a microtask: sockets are only served between two turns of the event loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
      startedAt = performance.now();
    },
  };
}

/**
 * Runs a generator in slices. It may stop at each `yield`, so the work between two of them has to be short.
 *
 * @returns what the generator returns
 * @throws whatever the generator throws
 */
export async function runInSlices<T>(work: Iterator<void, T>): Promise<T> {
  const slices = createWorkSlices();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (slices.isOver()) await slices.next();
  }
}
