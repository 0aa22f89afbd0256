/**
 * Counters of entries and bytes by stream class. The number of streams is unbounded, so metrics have a label per class and
 * not per stream. No decision depends on these counters.
 */
import { DEFAULT_DEVICE } from "../domain/streams/stream-name.ts";
import { matchesPattern } from "../domain/streams/stream-pattern.ts";

/** A named class: the streams that match a pattern. */
export interface StreamClass {
  readonly name: string;
  readonly pattern: string;
}

/** Totals of one class since the start. */
export interface ClassCounters {
  /** Entries stored, and their payload bytes. */
  entriesIn: number;
  bytesIn: number;
  /** Entries sent, counted per reader, and the bytes of their payloads and further fields. */
  entriesOut: number;
  bytesOut: number;
  /** Entries that `latest` readers skipped because a newer one had arrived. */
  conflated: number;
}

/** The stream classes and their counters. */
export interface StreamClasses {
  /** Returns the counters of a stream's class. A caller that counts one stream repeatedly should keep the result. */
  of(key: string): ClassCounters;
  /** All classes by name, including those without streams so far. */
  readonly classes: ReadonlyMap<string, ClassCounters>;
}

/** Classes of streams that match no pattern: the gateway's own streams, streams without a device, and all others. */
const SYSTEM = "system";
const DEFAULT = DEFAULT_DEVICE;
const OTHER = "other";

/** Maximum streams in the cache of classes; it is cleared when full. */
const MAX_KNOWN = 10_000;

/** Creates the classes. @param named configured classes; a stream belongs to the first one whose pattern matches */
export function createStreamClasses(named: readonly StreamClass[] = []): StreamClasses {
  const names = [...named.map(({ name }) => name), SYSTEM, DEFAULT, OTHER];
  const classes = new Map(names.map((name) => [name, zeroCounters()]));
  const known = new Map<string, ClassCounters>();
  // Consecutive entries often belong to one stream.
  let lastKey: string | undefined;
  let last = zeroCounters();

  function classOf(key: string): ClassCounters {
    const found = known.get(key);
    if (found !== undefined) return found;
    const name = named.find(({ pattern }) => matchesPattern(pattern, key))?.name ?? restOf(key);
    const streamClasses = classes.get(name) ?? zeroCounters();
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, streamClasses);
    return streamClasses;
  }

  return {
    classes,
    of(key) {
      if (key === lastKey) return last;
      last = classOf(key);
      lastKey = key;
      return last;
    },
  };
}

/** Returns the class of a stream that matches no pattern. Keys without a colon have no device. */
function restOf(key: string): string {
  const colon = key.indexOf(":");
  if (colon === 0) return SYSTEM;
  return colon < 0 || key.slice(0, colon) === DEFAULT_DEVICE ? DEFAULT : OTHER;
}

const zeroCounters = (): ClassCounters => ({
  entriesIn: 0,
  bytesIn: 0,
  entriesOut: 0,
  bytesOut: 0,
  conflated: 0,
});
