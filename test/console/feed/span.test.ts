/** Long range around a moment of the past. */
import { expect, test, vi } from "vitest";
import { createPulledEntry, type PulledEntry } from "../../../client/reading/entry.ts";
import { Span } from "../../../console/feed/span.ts";

const entryOf = (id: string): PulledEntry =>
  createPulledEntry({ stream: "s", id, data: new Uint8Array(1) }, false);
const [first, second, third] = ["1000-0", "2000-0", "2000-1"].map(entryOf) as [
  PulledEntry,
  PulledEntry,
  PulledEntry,
];
const NEVER = new AbortController().signal;
/** A span over three entries, at the second one. */
function open(): Span {
  const span = new Span(async ({ reverse }) => (reverse ? [second, first] : [third]));
  span.lengthMs = Number.POSITIVE_INFINITY;
  return span;
}

test("divides the range at a time or an id, and knows nothing of moments outside of it", async () => {
  const span = open();
  expect(span.at("1500")).toBeUndefined();
  const show = vi.fn();
  await span.read(second, true, NEVER, show);
  expect(show).toHaveBeenCalledWith([first, second]);
  expect(span.later.value).toEqual([third]);
  expect(span.at("1500")).toEqual([first]);
  expect(span.later.value).toEqual([second, third]);
  expect(span.at("2000-0")).toEqual([first, second]);
  // Later entries than the last known one may exist.
  for (const outside of ["999", "2000", "2000-1", "9000"]) expect(span.at(outside)).toBeUndefined();
  span.hide();
  expect(span.later.value).toEqual([]);
  expect(span.at("1500")).toEqual([first]);
  span.clear();
  expect(span.at("1500")).toBeUndefined();
});

test("shows nothing of a read that was ended, that another one followed, or that failed", async () => {
  const span = open();
  const show = vi.fn();
  const cleared = span.read(second, true, NEVER, show);
  span.clear();
  await cleared;
  const ended = new AbortController();
  const aborted = span.read(second, true, ended.signal, show);
  ended.abort();
  await aborted;
  const failing = new Span(async () => {
    throw new Error("unavailable");
  });
  failing.lengthMs = 5000;
  await failing.read(second, true, NEVER, show);
  expect(show).not.toHaveBeenCalled();
  const replaced = span.read(second, true, NEVER, show);
  await Promise.all([replaced, span.read(second, false, NEVER, show)]);
  expect(show).toHaveBeenCalledTimes(1);
  expect(span.later.value).toEqual([]);
});
