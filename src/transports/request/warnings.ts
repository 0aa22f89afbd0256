/**
 * Warnings about accepted requests that are probably mistakes: unknown parameters, times in the wrong unit, and declarations
 * that could not be stored. Clients see them in a response header, operators in a metric and in the log (one line per kind and interval).
 */

import type { Logger } from "../../domain/logger.ts";
import { type EntryId, timeOfId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { LastIds } from "../../redis/registry/details/last-ids.ts";
import { asciiJson } from "../../wire/header.ts";
import type { ErrorContext } from "../response/errors/error-log.ts";

/** Response header: a JSON list of warnings, in ASCII. */
export const WARNINGS_HEADER = "x-warnings";

/** Kinds of warnings. Each has its own rate limit in the log. */
export type WarningKind = "parameter" | "time" | "declaration";

/** Minimum time between two log lines of one kind, in ms. */
const LOG_INTERVAL_MS = 10_000;

/** Reports warnings in metrics and the log. */
export interface Warnings {
  /** Counts and logs the warnings of one request. */
  note(kind: WarningKind, texts: readonly string[], at: ErrorContext): void;
}

/** Creates the warnings of a gateway. */
export function createWarnings(counters: Counters, logger: Logger): Warnings {
  const loggedAt = new Map<WarningKind, number>();
  const suppressed = new Map<WarningKind, number>();
  return {
    note(kind, texts, at) {
      if (texts.length === 0) return;
      counters.requestWarnings++;
      const now = performance.now();
      if (now - (loggedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < LOG_INTERVAL_MS) {
        suppressed.set(kind, (suppressed.get(kind) ?? 0) + 1);
        return;
      }
      loggedAt.set(kind, now);
      const others = suppressed.get(kind) ?? 0;
      suppressed.delete(kind);
      logger.warn({ ...at, warnings: texts, others }, "accepted a request with probable mistakes");
    },
  };
}

/** Returns the value of `x-warnings`. */
export const warningsHeader = (texts: readonly string[]): string => asciiJson(JSON.stringify(texts));

/** A time that a request names, as a cursor or a bound. */
export interface NamedTime {
  readonly parameter: string;
  readonly id: EntryId | "$";
  readonly key: string;
}

/** 2001-01-01. Unix seconds misread as milliseconds are before it. */
const EARLIEST_MS = 978_307_200_000;
/** 2100-01-01. Unix microseconds misread as milliseconds are after it. */
const LATEST_MS = 4_102_444_800_000;
/** Maximum time of a `Date` (ECMA-262). */
const MAX_DATE_MS = 8.64e15;

/** Selects the times that are probably not in milliseconds: after the beginning and before 2001, or after 2100. */
export const oddTimes = (times: readonly NamedTime[]): readonly NamedTime[] =>
  times.filter(({ id }) => {
    if (id === "$") return false;
    const ms = timeOfId(id);
    // The greatest id is the open end of a range.
    return (ms > 0 && ms < EARLIEST_MS) || (ms > LATEST_MS && ms <= MAX_DATE_MS);
  });

/** Logs odd times. For WebSockets: browsers cannot read handshake headers, and the check needs a read after the handshake. */
export function logOddTimes(
  times: readonly NamedTime[],
  {
    warnings,
    lastIds,
    at,
  }: { readonly warnings: Warnings; readonly lastIds: LastIds; readonly at: ErrorContext },
): void {
  const odd = oddTimes(times);
  if (odd.length > 0) void timeWarnings(lastIds, odd).then((texts) => warnings.note("time", texts, at));
}

/**
 * Returns a warning for each odd time whose stream has entries from a plausible time. Reads the last id of each such
 * stream; a Redis error causes no warning, because the request itself reports it.
 */
export async function timeWarnings(lastIds: LastIds, odd: readonly NamedTime[]): Promise<readonly string[]> {
  const texts = await Promise.all(
    odd.map(async ({ parameter, id, key }) => {
      if (id === "$") return undefined;
      const newest = await lastIds.lastGeneratedId(key).catch(() => undefined);
      const newestMs = newest === undefined ? 0 : timeOfId(newest);
      if (newestMs < EARLIEST_MS || newestMs > LATEST_MS) return undefined;
      const [is, was] = [timeOfId(id), newestMs].map((ms) => new Date(ms).toISOString());
      return `${parameter} ${id.slice(0, 40)} is ${is}, but the newest entry is from ${was}; times are in milliseconds`;
    }),
  );
  return [...new Set(texts)].filter((one) => one !== undefined).slice(0, 3);
}
