/** Changes of words over time: each field is a row of segments, in each of which its value is the same. */
import type { PulledEntry } from "../../../client/browser.ts";
import { scalarsOf } from "../content.ts";

/** A time in which a value is the same. */
export interface Segment {
  readonly value: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The segments of a field. */
export interface StateRow {
  readonly field: string;
  readonly segments: readonly Segment[];
}

const MAX_ROWS = 24;
const MAX_SEGMENTS = 400;
/** A number with more different values is a measurement and not a state. */
const MAX_NUMBERS = 8;
const MAX_CHARACTERS = 80;

/** Returns the value at a moment; undefined before the first segment. */
export const valueAt = (segments: readonly Segment[], ms: number): string | undefined =>
  segments.findLast(({ fromMs }) => fromMs <= ms)?.value;

/** Returns the rows of entries, oldest first: words and booleans, and numbers with few values. */
export function stateRows(entries: readonly PulledEntry[]): readonly StateRow[] {
  const rows = new Map<string, { value: string; fromMs: number; toMs: number }[]>();
  const numbers = new Map<string, Set<number>>();
  for (const entry of entries)
    for (const [field, value] of scalarsOf(entry)) {
      if (typeof value === "number") {
        const seen = numbers.get(field) ?? new Set<number>();
        numbers.set(field, seen.add(value));
        if (seen.size > MAX_NUMBERS) {
          rows.delete(field);
          continue;
        }
      }
      const text = String(value).slice(0, MAX_CHARACTERS);
      const segments = rows.get(field) ?? [];
      const last = segments.at(-1);
      if (last !== undefined) last.toMs = entry.timeMs;
      if (last?.value !== text || entry.gap)
        segments.push({ value: text, fromMs: entry.timeMs, toMs: entry.timeMs });
      rows.set(field, segments);
    }
  return [...rows]
    .slice(0, MAX_ROWS)
    .map(([field, segments]) => ({ field, segments: segments.slice(-MAX_SEGMENTS) }));
}
