import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID, idAtTime } from "../../../src/domain/streams/entry-id.ts";
import { type Batch, createBatch, frameOf } from "../../../src/live/batch.ts";
import { KeptPages } from "../../../src/live/cache/kept-pages.ts";
import type { Encoder } from "../../../src/live/sink.ts";
import { createCounters } from "../../../src/observe/counters.ts";

const FRAME_KEY = "form stream";
const encoder: Encoder<string> = { form: "form", encode: () => "frame", bytesOf: () => 100 };
const NO_FRAME_SIZE: Encoder<string> = { form: "form", encode: () => "frame" };

const at = (ms: number): EntryId => (ms === 0 ? FIRST_ID : idAtTime(ms));

/** Returns a page after a cursor with entries at these times. */
function batchOf(after: number, times: readonly number[]): Batch {
  const entries = times.map((ms): Entry => ({ id: at(ms), data: new Uint8Array(1000) }));
  return createBatch("k", at(after), entries, at(times[times.length - 1] ?? after));
}

function open(limitBytes: number) {
  const counters = createCounters();
  const pages = new KeptPages(limitBytes, counters);
  return {
    counters,
    forget: (stream: string) => pages.forget(stream),
    find: (cursor: number, frameKey = FRAME_KEY, stream = "s") =>
      pages.find(`${at(cursor)} ${stream}`, frameKey),
    /** Finds the page for a reader that shares no frames. */
    findUnshared: (cursor: number) => pages.find(`${at(cursor)} s`, undefined),
    add(batch: Batch, { hasGap = false, stream = "s" } = {}) {
      pages.add(`${batch.after} ${stream}`, stream, { batch, hasGap, isLast: false, isGone: false });
      return batch;
    },
  };
}

const ONE_PAGE = batchOf(0, [1, 2]).cost;

describe("KeptPages", () => {
  test("finds the page at a cursor, with its gap", () => {
    const { add, find } = open(2 ** 20);
    const batch = add(batchOf(10, [20, 30]), { hasGap: true });
    expect(find(10)).toEqual({ batch, isLast: false, hasGap: true, isGone: false });
    expect(find(10, FRAME_KEY, "other")).toBeUndefined();
  });

  test("finds no page for another cursor, also inside a page", () => {
    const { add, find } = open(2 ** 20);
    add(batchOf(10, [20, 30]));
    for (const cursor of [9, 11, 20, 25, 30]) expect(find(cursor)).toBeUndefined();
  });

  test("forgets the pages of a stream, and only those", () => {
    const { add, find, counters, forget } = open(2 ** 20);
    add(batchOf(10, [20]));
    add(batchOf(20, [30]));
    const other = add(batchOf(10, [20]), { stream: "other" });
    forget("s");
    expect([find(10), find(20)]).toEqual([undefined, undefined]);
    expect(find(10, FRAME_KEY, "other")?.batch).toBe(other);
    expect(counters.pageCacheBytes).toBe(other.cost);
  });

  test("replaces a page with the same cursor", () => {
    const { add, find, counters } = open(2 ** 20);
    add(batchOf(10, [20]));
    const longer = add(batchOf(10, [20, 30]));
    expect(find(10)?.batch).toBe(longer);
    expect(counters.pageCacheBytes).toBe(longer.cost);
  });

  test("keeps only the frames of the pages that were used least recently", () => {
    const { add, find, findUnshared } = open(3 * 2 * ONE_PAGE);
    const [first, second, third] = [batchOf(0, [1, 2]), batchOf(2, [3, 4]), batchOf(4, [5, 6])];
    for (const batch of [first, second, third]) frameOf(batch, FRAME_KEY, { encoder }, { name: "stream" });
    add(first, { hasGap: true });
    add(second);
    find(0);
    add(third);
    expect(find(0)?.batch).toBe(first);
    expect(find(4)?.batch).toBe(third);
    const framed = find(2)?.batch;
    expect(framed).toMatchObject({ after: at(2), first: at(3), last: at(4), count: 2, bytes: second.bytes });
    expect(framed).not.toHaveProperty("entries");
    expect(framed).toHaveProperty("frame", "frame");
    // A reader with another form, or without one, needs the entries.
    expect(find(2, "other stream")).toBeUndefined();
    expect(findUnshared(2)).toBeUndefined();
  });

  test.each([
    ["without frames", undefined],
    ["whose frames refer to the entries", NO_FRAME_SIZE],
  ])("drops a page %s as a whole", (_, of) => {
    const { add, find, counters } = open(3 * ONE_PAGE);
    const first = batchOf(0, [1, 2]);
    if (of !== undefined) frameOf(first, FRAME_KEY, { encoder: of }, { name: "stream" });
    add(first);
    const second = add(batchOf(2, [3, 4]));
    expect(find(0)).toBeUndefined();
    expect(find(2)?.batch).toBe(second);
    expect(counters.pageCacheBytes).toBe(second.cost);
  });

  test("property: stays within its limit, and returns only the entries after a cursor", () => {
    const step = fc.record({
      after: fc.nat(20),
      entries: fc.integer({ min: 1, max: 8 }),
      isFramed: fc.boolean(),
      stream: fc.constantFrom("s", "t"),
      cursor: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.constantFrom(0, 500, 5000, 50_000), fc.array(step), (limitBytes, steps) => {
        const { add, find, counters } = open(limitBytes);
        for (const { after, entries, isFramed, stream, cursor } of steps) {
          const batch = batchOf(
            after,
            Array.from({ length: entries }, (_, i) => after + i + 1),
          );
          if (isFramed) frameOf(batch, FRAME_KEY, { encoder }, { name: "stream" });
          add(batch, { stream });
          expect(counters.pageCacheBytes).toBeLessThanOrEqual(limitBytes);
          const found = find(cursor, FRAME_KEY, stream)?.batch;
          if (found === undefined) continue;
          expect(found.after).toBe(at(cursor));
          expect(compareIds(found.last, at(cursor))).toBeGreaterThan(0);
        }
      }),
    );
  });
});
