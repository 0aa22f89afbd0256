/**
 * Slices of long work. Parsing or encoding megabytes would block the event loop for too long, so it runs in slices, and other
 * clients are served between them. All sliced work shares one slice per event-loop turn, regardless of the number of clients.
 */

import { shouldYield } from "./accept-pressure.ts";

/** Time (ms) that sliced work may take in one event-loop turn. */
const SLICE_MS = 5;

/** The slices of one piece of work. */
export interface WorkSlices {
  /** Whether the current slice has used its time. */
  isOver(): boolean;
  /** Resolves after other work has run, and begins a new slice. */
  next(): Promise<void>;
}

/** Work that waits for its next slice, oldest first. */
const waiting: (() => void)[] = [];
/** When the first slice of this turn began, in ms of `performance.now()`; undefined before it does. */
let turnStartedAt: number | undefined;

function startSlice(): number {
  if (turnStartedAt === undefined) {
    turnStartedAt = performance.now();
    // Not a microtask: sockets are only served between two event-loop turns.
    setImmediate(endTurn);
  }
  return turnStartedAt;
}

function endTurn(): void {
  if (shouldYield()) {
    setImmediate(endTurn);
    return;
  }
  turnStartedAt = undefined;
  const next = waiting.shift();
  if (next === undefined) return;
  startSlice();
  next();
}

/** Begins the first slice. */
export function createWorkSlices(): WorkSlices {
  startSlice();
  return {
    isOver: () => performance.now() - startSlice() >= SLICE_MS,
    next: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        startSlice();
      }),
  };
}

/**
 * Runs a generator in slices. It may stop at each `yield`, so the work between two of them has to be short.
 *
 * @returns what the generator returns
 * @throws the generator's error
 */
export async function runInSlices<T>(work: Iterator<void, T>): Promise<T> {
  const slices = createWorkSlices();
  for (;;) {
    if (slices.isOver()) await slices.next();
    const step = work.next();
    if (step.done) return step.value;
  }
}

/**
 * Runs a generator in slices while its result is still needed.
 *
 * @param isNeeded checked before each slice after the first
 * @returns what the generator returns; undefined if it was stopped
 * @throws the generator's error
 */
export async function runWhileNeeded<T>(
  work: Iterator<void, T>,
  isNeeded: () => boolean,
): Promise<T | undefined> {
  const slices = createWorkSlices();
  for (;;) {
    if (slices.isOver()) {
      await slices.next();
      if (!isNeeded()) return undefined;
    }
    const step = work.next();
    if (step.done) return step.value;
  }
}
