/**
 * Latency sampler: time from the storage of an entry, by the time in its id, to its write to sockets. It samples at most one
 * entry every 20 ms, so that it costs almost nothing per entry.
 */

/** Takes samples. */
export interface LatencySampler {
  /** Samples an entry. @param id id of an entry that is sent to readers in this event-loop turn */
  sample(id: string): void;
}

const SAMPLE_EVERY_MS = 20;
/** Largest plausible latency (ms): writers may choose ids, and then their time is not the time of storage. */
const MAX_PLAUSIBLE_MS = 60_000;

/**
 * Creates a sampler.
 *
 * @param atTurnEnd calls back after the writes of the current event-loop turn
 * @param onSample receives each sample, in seconds
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
      if (Math.abs(now - storedAt) > MAX_PLAUSIBLE_MS) return;
      atTurnEnd(() => onSample(Math.max(0, Date.now() - storedAt) / 1000));
    },
  };
}
