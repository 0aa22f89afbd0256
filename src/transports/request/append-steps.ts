/** Appends a long batch in steps. Encoding 10,000 entries, or some with thousands of fields, takes longer than other clients should wait. */
import { type NewEntry, valuesOf } from "../../domain/entry.ts";
import type { AppendDone, AppendResult } from "../../redis/append/appender.ts";
import type { Log } from "../../redis/read/stream-reader.ts";

/** What is appended between two yields: entries, each field counted as one, and bytes. */
const STEP_ENTRIES = 1000;
const STEP_BYTES = 1024 * 1024;

/**
 * Appends entries in their order; other clients' entries may be stored between them. Nothing waits for the results.
 *
 * @param done called once with one result per entry, in order
 */
export function* appendSteps(
  log: Pick<Log, "append">,
  entries: readonly NewEntry[],
  done: AppendDone,
): Generator<void, void> {
  const results: AppendResult[] = new Array(entries.length);
  let missing = entries.length;
  let isAnyKept = false;
  if (missing === 0) done(results, false);
  for (let from = 0; from < entries.length; ) {
    const start = from;
    from = endOfStep(entries, start);
    log.append(entries.slice(start, from), (found, isKept) => {
      for (let i = 0; i < found.length; i++) {
        const result = found[i];
        if (result !== undefined) results[start + i] = result;
      }
      isAnyKept ||= isKept;
      missing -= found.length;
      if (missing === 0) done(results, isAnyKept);
    });
    yield;
  }
}

function endOfStep(entries: readonly NewEntry[], start: number): number {
  let end = start;
  let bytes = 0;
  for (let count = 0; end < entries.length && count < STEP_ENTRIES && bytes < STEP_BYTES; end++) {
    const entry = entries[end];
    bytes += entry?.data.length ?? 0;
    count++;
    for (const value of entry?.fields?.values() ?? []) {
      for (const one of valuesOf(value)) {
        bytes += one.length;
        count++;
      }
    }
  }
  return end;
}
