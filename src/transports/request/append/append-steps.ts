/**
 * Appends a long batch in steps. Encoding 10,000 entries, or entries with thousands of fields, would block other clients
 * for too long.
 */
import { type NewEntry, valuesOf } from "../../../domain/streams/entry.ts";
import type { Append, AppendDone, AppendResult } from "../../../redis/append/appender.ts";

/** Size of one step: number of entries and fields, and bytes. */
const STEP_ENTRIES = 1000;
const STEP_BYTES = 1024 * 1024;

/**
 * Appends entries in order; entries of other clients may be stored between them. Does not wait for the results.
 *
 * @param done called once with one result per entry, in order
 */
export function* appendSteps(
  append: Append,
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
    append(entries.slice(start, from), (found, isKept) => {
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
