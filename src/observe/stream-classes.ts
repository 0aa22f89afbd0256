/**
 * What streams carry, by class of streams: how many streams there are has no bound, the classes that an operator wants to
 * tell apart are few. Plain numbers, for whoever looks; nothing decides by them.
 */
import { DEFAULT_DEVICE } from "../domain/stream-name.ts";
import { matchesPattern } from "../domain/stream-pattern.ts";

/** The streams of a pattern, under a name. */
export interface StreamClass {
  readonly name: string;
  readonly pattern: string;
}

/** Totals of one class since the start. */
export interface ClassCounters {
  /** Entries stored, and the bytes of their payloads. */
  entriesIn: number;
  bytesIn: number;
  /** Entries sent, once for each reader, and the bytes of their payloads and further fields. */
  entriesOut: number;
  bytesOut: number;
  /** Entries that readers of the newest were not sent, because a newer one had come. */
  conflated: number;
}

/** Counts what streams carry. */
export interface StreamClasses {
  /** The totals of a stream's class. Whoever counts a stream's entries again and again asks once and keeps them. */
  of(key: string): ClassCounters;
  /** All classes by their names, also those of which no stream was seen. */
  readonly classes: ReadonlyMap<string, ClassCounters>;
}

/** The classes of streams that no pattern has: the gateway's own, those of no device in particular, and all others. */
const SYSTEM = "system";
const DEFAULT = DEFAULT_DEVICE;
const OTHER = "other";

/** Streams whose class is remembered; with more than this they are looked up anew. */
const MOST_KNOWN = 10_000;

/** Makes the counters. @param named the first class whose pattern has a stream is the stream's */
export function createStreamClasses(named: readonly StreamClass[] = []): StreamClasses {
  const names = [...named.map(({ name }) => name), SYSTEM, DEFAULT, OTHER];
  const classes = new Map(names.map((name) => [name, zeroCounters()]));
  const known = new Map<string, ClassCounters>();
  // Entries of one stream often come together.
  let lastKey: string | undefined;
  let last = zeroCounters();

  function classOf(key: string): ClassCounters {
    const found = known.get(key);
    if (found !== undefined) return found;
    const name = named.find(({ pattern }) => matchesPattern(pattern, key))?.name ?? restOf(key);
    const streamClasses = classes.get(name) ?? zeroCounters();
    if (known.size >= MOST_KNOWN) known.clear();
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

/** The class of a stream that has none by name. Keys without a colon have no device. */
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
