/**
 * How long entries take from being stored to being handed to sockets, by the time in their ids. Sampled: one entry at a
 * time, some times a second, so that it costs nothing where entries fly.
 */

/** Takes samples. */
export interface LatencySampler {
  /** @param id of an entry that is being handed to its readers in this turn of the event loop */
  sample(id: string): void;
}

const SAMPLE_EVERY_MS = 20;
/** Ids are the writer's to choose; what is further off than this (ms) is no time of storing. */
const MOST_PLAUSIBLE_MS = 60_000;

/**
 * Makes a sampler.
 *
 * @param atTurnEnd calls back when what is handed over now has been written
 * @param onSample told of each sample, in seconds
 */
export function createLatencySampler(
  atTurnEnd: (callback: () => void) => void,
  onSample: (seconds: number) => void,
): LatencySampler {
  let sampledAt = Number.NEGATIVE_INFINITY;
  return {
    sample(id) {
      const now = Date.now();
      if (now - sampledAt < SAMPLE_EVERY_MS) return;
      sampledAt = now;
      const storedAt = Number(id.slice(0, id.indexOf("-")));
      if (Math.abs(now - storedAt) > MOST_PLAUSIBLE_MS) return;
      atTurnEnd(() => onSample(Math.max(0, Date.now() - storedAt) / 1000));
    },
  };
}
