/** Appends a long batch in steps, so that it does not block other clients. */
import type { NewEntry } from "../../../domain/streams/entry.ts";
import { partsOf } from "../../../redis/append/append-parts.ts";
import type { Append, AppendDone, AppendResult } from "../../../redis/append/appender.ts";

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
  for (const { entries: part, start } of partsOf(entries)) {
    append(part, (found, isKept) => {
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
