/** The merge of streams in a playback: all entries, in the order of their ids, however they are split into pages. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MinHeap } from "../../../../src/domain/min-heap.ts";
import type { Entry } from "../../../../src/domain/streams/entry.ts";
import { compareIds, type EntryId, idOf, LAST_ID } from "../../../../src/domain/streams/entry-id.ts";
import { PlaybackMerge } from "../../../../src/live/playback/ahead/merge.ts";

const ids = fc
  .uniqueArray(fc.tuple(fc.bigInt({ min: 1n, max: 40n }), fc.bigInt({ min: 0n, max: 2n })), {
    selector: ([ms, seq]) => `${ms}-${seq}`,
    maxLength: 30,
  })
  .map((parts) => parts.map(([ms, seq]) => idOf(ms, seq)).sort(compareIds));
const entryOf = (id: EntryId): Entry => ({ id, data: new Uint8Array() });

test("takes the entries of all streams in order, whatever the pages and batches", () => {
  fc.assert(
    fc.property(
      fc.array(ids, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 6 })),
      (streams, sizes) => {
        const next = () => sizes.next().value ?? 1;
        const merge = new PlaybackMerge<number>();
        const unread = streams.map((all) => [...all]);
        for (const stream of streams.keys()) merge.add(stream);
        const seen: { stream: number; id: EntryId }[] = [];
        for (;;) {
          for (const stream of merge.missing()) {
            const page = unread[stream]?.splice(0, next()) ?? [];
            const horizon = unread[stream]?.length === 0 ? LAST_ID : (page.at(-1) ?? LAST_ID);
            merge.fill(stream, page.map(entryOf), horizon);
          }
          if (merge.head === undefined && merge.missing().length === 0) break;
          const perStream = next();
          const runs = merge.take({ upToMs: Number.POSITIVE_INFINITY, perStream, entries: next() });
          for (const stream of streams.keys()) {
            const taken = runs.filter((run) => run.stream === stream).flatMap(({ entries }) => entries);
            expect(taken.length).toBeLessThanOrEqual(perStream);
          }
          for (const { stream, entries } of runs) for (const { id } of entries) seen.push({ stream, id });
        }
        const expected = streams
          .flatMap((all, stream) => all.map((id) => ({ stream, id })))
          .sort((a, b) => compareIds(a.id, b.id) || a.stream - b.stream);
        expect(seen).toEqual(expected);
      },
    ),
  );
});

test("takes nothing after the horizon of a stream whose next page is missing", () => {
  const merge = new PlaybackMerge<string>();
  merge.add("fast");
  merge.add("slow");
  merge.fill(
    "fast",
    ["1-0", "5-0", "9-0"].map((id) => entryOf(id as EntryId)),
    LAST_ID,
  );
  expect(merge.next).toBeUndefined();
  merge.fill("slow", [entryOf("4-0" as EntryId)], "4-0" as EntryId);
  const all = { upToMs: Number.POSITIVE_INFINITY, perStream: 100, entries: 100 };
  const taken = merge.take(all).map(({ stream, entries }) => [stream, entries.map(({ id }) => id)]);
  expect(taken).toEqual([
    ["fast", ["1-0"]],
    ["slow", ["4-0"]],
  ]);
  expect(merge.missing()).toEqual(["slow"]);
  merge.remove("slow");
  expect(merge.take(all).flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual(["5-0", "9-0"]);
});

test("a heap takes its items in order, also after others were removed", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.array(fc.nat(20)), (added, removed) => {
      const heap = new MinHeap<number>((a, b) => a - b);
      const left = [...added];
      for (const item of added) heap.add(item);
      for (const item of removed) {
        heap.remove(item);
        const at = left.indexOf(item);
        if (at >= 0) left.splice(at, 1);
      }
      const taken: number[] = [];
      while (heap.size > 0) taken.push(heap.take() ?? Number.NaN);
      expect(taken).toEqual(left.sort((a, b) => a - b));
    }),
  );
});

test("takes nothing after the id up to which a stream without entries is known", () => {
  const merge = new PlaybackMerge<string>();
  const all = [1n, 2n, 3n, 4n, 5n].map((ms) => idOf(ms, 0n));
  const take = () =>
    merge
      .take({ upToMs: Number.POSITIVE_INFINITY, perStream: 10, entries: 10 })
      .flatMap(({ entries }) => entries.map(({ id }) => id));
  merge.add("a");
  merge.add("b");
  merge.fill("a", all.map(entryOf), LAST_ID);
  expect(take()).toEqual([]);
  merge.fill("b", [], idOf(3n, 0n));
  expect(take()).toEqual(all.slice(0, 3));
  expect(merge.next).toBeUndefined();
  expect(merge.missing()).toEqual(["b"]);
  merge.remove("b");
  expect(take()).toEqual(all.slice(3));
});
