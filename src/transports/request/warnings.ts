/**
 * Warnings about requests that are accepted and probably not what their author meant: unknown parameters, and times in
 * the wrong unit. Clients see them in a response header, operators in the log (at most a line of each kind per interval)
 * and as a metric.
 */
import { type EntryId, timeOfId } from "../../domain/entry-id.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Log } from "../../redis/read/stream-reader.ts";
import { asciiJson } from "../../wire/header.ts";
import type { RefusedAt } from "../response/error-log.ts";

/** Response header, a JSON list of sentences in ASCII. */
export const WARNINGS_HEADER = "x-warnings";

/** Kinds of warnings, each with a rate limit of its own in the log. */
export type WarningKind = "parameter" | "time";

/** Time between two log lines of one kind, ms. */
const LOG_INTERVAL_MS = 10_000;

/** Reports warnings. */
export interface Warnings {
  /** Counts and logs sentences. */
  note(kind: WarningKind, sentences: readonly string[], at: RefusedAt): void;
}

/** Creates the warnings of a gateway. */
export function createWarnings(counters: Counters, logger: Logger): Warnings {
  const loggedAt = new Map<WarningKind, number>();
  const unlogged = new Map<WarningKind, number>();
  return {
    note(kind, sentences, at) {
      if (sentences.length === 0) return;
      counters.requestWarnings++;
      const now = performance.now();
      if (now - (loggedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS) {
        unlogged.set(kind, (unlogged.get(kind) ?? 0) + 1);
        return;
      }
      loggedAt.set(kind, now);
      const others = unlogged.get(kind) ?? 0;
      unlogged.delete(kind);
      logger.warn({ ...at, warnings: sentences, others }, "a request is probably not what its author meant");
    },
  };
}

/** Returns the value of the header. */
export const warningsHeader = (sentences: readonly string[]): string => asciiJson(JSON.stringify(sentences));

/** A time that a request names, as a cursor or a bound. */
export interface NamedTime {
  readonly parameter: string;
  readonly id: EntryId | "$";
  readonly key: string;
}

/** 2001-01-01: seconds since 1970 read as milliseconds lie before it. */
const EARLIEST_MS = 978_307_200_000;
/** 2100-01-01: microseconds since 1970 read as milliseconds lie after it. */
const LATEST_MS = 4_102_444_800_000;
/** The last moment of a Date (ECMA-262). */
const LAST_MOMENT_MS = 8.64e15;

/** Selects the times that are probably not in milliseconds: before 2001 but not the beginning, or after 2100. */
export const oddTimes = (times: readonly NamedTime[]): readonly NamedTime[] =>
  times.filter(({ id }) => {
    if (id === "$") return false;
    const ms = timeOfId(id);
    // The greatest id is the open end of a range.
    return (ms > 0 && ms < EARLIEST_MS) || (ms > LATEST_MS && ms <= LAST_MOMENT_MS);
  });

/**
 * Returns a sentence for each odd time whose stream has entries of a likelier time. Asks Redis once for each stream, only
 * about odd times; an error of Redis gives no warning, because the request itself reports it.
 */
export async function timeWarnings(log: Log, odd: readonly NamedTime[]): Promise<readonly string[]> {
  const sentences = await Promise.all(
    odd.map(async ({ parameter, id, key }) => {
      if (id === "$") return undefined;
      const newest = await log.lastGeneratedId(key).catch(() => undefined);
      const newestMs = newest === undefined ? 0 : timeOfId(newest);
      if (newestMs < EARLIEST_MS || newestMs > LATEST_MS) return undefined;
      const [is, was] = [timeOfId(id), newestMs].map((ms) => new Date(ms).toISOString());
      return `${parameter} ${id.slice(0, 40)} is ${is}, but the newest entry is of ${was}; times are in milliseconds`;
    }),
  );
  return [...new Set(sentences)].filter((one) => one !== undefined).slice(0, 3);
}
