import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { compareIds, type EntryId, idAtTime, idOf } from "../../../src/domain/streams/entry-id.ts";
import { type Batch, createBatch } from "../../../src/live/batch.ts";
import { type RecentBatches, RecentMemory } from "../../../src/live/cache/recent-batches.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { collectGarbage } from "../../support/node/garbage.ts";
import { until } from "../../support/until.ts";

const UNLIMITED = 2 ** 40;

/** Entries have odd milliseconds from 11 on, so that cursors can be before, on, between and after them. */
const START = 10;
const cursorAt = (ms: number) => idAtTime(ms);

/** A stream that grows by batches, with all its entries since it was last cleared. */
interface ModelStream {
  readonly recent: RecentBatches;
  /** Cursor before the first batch. */
  base: EntryId;
  position: EntryId;
  batches: Batch[];
}

/** The memory under test, and a list of the entries that it should keep. */
function createModel(limitBytes: number, streams: number) {
  const counters = createCounters();
  const memory = new RecentMemory(limitBytes, counters);
  const all = Array.from({ length: streams }, (): ModelStream => {
    const start = cursorAt(START);
    return { recent: memory.open(), base: start, position: start, batches: [] };
  });
  let kept: { stream: ModelStream; batch: Batch }[] = [];
  const cost = () => kept.reduce((sum, { batch }) => sum + batch.cost, 0);
  let ms = START;

  return {
    counters,
    all,
    cost,
    isKept: (batch: Batch) => kept.some((one) => one.batch === batch),
    /** The time of the newest entry, ms. */
    now: () => ms,
    add(stream: ModelStream, sizes: readonly number[]) {
      const entries = sizes.map((size): Entry => {
        ms += 2;
        return { id: cursorAt(ms - 1), data: new Uint8Array(size).fill(ms) };
      });
      const last = entries[entries.length - 1]?.id ?? stream.position;
      const batch = createBatch("k", stream.position, entries, last);
      stream.position = last;
      stream.batches.push(batch);
      kept.push({ stream, batch });
      while (cost() > limitBytes) kept.shift();
      stream.recent.add(batch);
    },
    clear(stream: ModelStream) {
      stream.base = stream.position;
      stream.batches = [];
      kept = kept.filter((one) => one.stream !== stream);
      stream.recent.clear();
    },
  };
}

const past = (stream: ModelStream, cursor: EntryId): Entry[] =>
  stream.batches.flatMap(({ entries }) => entries.filter(({ id }) => compareIds(id, cursor) > 0));

type Step =
  | { readonly kind: "add"; readonly stream: number; readonly sizes: readonly number[] }
  | { readonly kind: "clear"; readonly stream: number };

const STREAMS = 3;
const stream = fc.nat({ max: STREAMS - 1 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant("add" as const),
        stream,
        sizes: fc.array(fc.nat({ max: 2000 }), { minLength: 1, maxLength: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), stream }) },
  ),
  { maxLength: 60 },
);
const limit = fc.constantFrom(0, 3000, 10_000, 40_000, UNLIMITED);
const count = fc.constantFrom(1, 2, 3, 100);

describe("property: returns all entries, or undefined", () => {
  function eachState(
    check: (stream: ModelStream, cursor: EntryId, max: number, limitBytes: number) => void,
  ): void {
    fc.assert(
      fc.property(limit, steps, fc.array(fc.tuple(fc.nat(), count)), (limitBytes, all, queries) => {
        const model = createModel(limitBytes, STREAMS);
        for (const step of all) {
          const one = model.all[step.stream];
          if (one === undefined) continue;
          if (step.kind === "add") model.add(one, step.sizes);
          else model.clear(one);
        }
        for (const [position, max] of queries) {
          const cursor = cursorAt(START - 2 + (position % (model.now() - START + 5)));
          for (const one of model.all) check(one, cursor, max, limitBytes);
        }
      }),
      { numRuns: 300 },
    );
  }

  test("`after` returns the entries after a cursor", () => {
    eachState(({ recent, ...model }, cursor, max, limitBytes) => {
      const answer = recent.after(cursor, max);
      const isKnown = compareIds(cursor, model.base) >= 0;
      const expected = past({ recent, ...model }, cursor).slice(0, max);
      if (answer !== undefined) {
        expect(isKnown).toBe(true);
        expect(answer).toEqual(expected);
      }
      // The limit is not reached, so undefined is only valid for streams without batches.
      if (limitBytes === UNLIMITED && isKnown && expected.length > 0) expect(answer).toEqual(expected);
    });
  });

  test("`newest` returns the newest entries after a cursor", () => {
    eachState(({ recent, ...model }, cursor, max, limitBytes) => {
      const answer = recent.newest(cursor, max);
      const expected = past({ recent, ...model }, cursor).slice(-max);
      const isKnown = compareIds(cursor, model.base) >= 0 || expected.length === max;
      if (answer !== undefined) {
        expect(isKnown).toBe(true);
        expect(answer).toEqual(expected);
      }
      if (limitBytes === UNLIMITED && isKnown && model.batches.length > 0) expect(answer).toEqual(expected);
    });
  });

  test("`continuing` returns the batch that starts at a cursor", () => {
    eachState(({ recent, ...model }, cursor, _, limitBytes) => {
      const expected = model.batches.find(({ after }) => after === cursor);
      const answer = recent.continuing(cursor);
      if (answer !== undefined) expect(answer).toBe(expected);
      if (limitBytes === UNLIMITED) expect(answer).toBe(expected);
    });
  });
});

describe("the memory limit", () => {
  test("property: applies to all streams together and evicts the oldest batch first", () => {
    fc.assert(
      fc.property(limit, steps, (limitBytes, all) => {
        const model = createModel(limitBytes, STREAMS);
        for (const step of all) {
          const one = model.all[step.stream];
          if (one === undefined) continue;
          if (step.kind === "add") model.add(one, step.sizes);
          else model.clear(one);
          expect(model.counters.recentBytes).toBe(model.cost());
          expect(model.counters.recentBytes).toBeLessThanOrEqual(limitBytes);
        }
        for (const { recent, batches } of model.all)
          for (const batch of batches)
            expect(recent.continuing(batch.after)).toBe(model.isKept(batch) ? batch : undefined);
        for (const one of model.all) model.clear(one);
        expect(model.counters.recentBytes).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test("holds over many thousand batches and clears", () => {
    const model = createModel(200_000, STREAMS);
    for (let i = 0; i < 10_000; i++) {
      const one = model.all[i % STREAMS];
      if (one === undefined) continue;
      model.add(one, [i % 50]);
      // Alternates between a stream that is cleared and streams that are not, so that the limit is reached.
      if (i % 1000 < 600 && i % STREAMS === 0) model.clear(one);
      expect(model.counters.recentBytes).toBe(model.cost());
    }
  });

  test("keeps nothing if it is 0", () => {
    const model = createModel(0, 1);
    const [one] = model.all;
    if (one === undefined) return;
    model.add(one, [1]);
    expect(model.counters.recentBytes).toBe(0);
    expect(one.recent.after(cursorAt(START), 1)).toBeUndefined();
  });

  describe("releases the memory of a batch", () => {
    function batches(amount: number): { batches: Batch[]; refs: WeakRef<Batch>[] } {
      const made = Array.from({ length: amount }, (_, i) => {
        const id = idOf(BigInt(i + 1), 0n);
        return createBatch("k", idOf(BigInt(i), 0n), [{ id, data: new Uint8Array(1) }], id);
      });
      return { batches: made, refs: made.map((one) => new WeakRef(one)) };
    }

    const gone = (refs: readonly WeakRef<Batch>[]) =>
      until("the batches to be collected", () => {
        collectGarbage();
        return refs.every((ref) => ref.deref() === undefined);
      });

    test("when the stream is cleared, even if nothing is added later", async () => {
      const memory = new RecentMemory(UNLIMITED, createCounters());
      const recent = memory.open();
      const add = () => {
        const { batches: added, refs } = batches(100);
        for (const batch of added) recent.add(batch);
        return refs;
      };
      const refs = add();
      recent.clear();
      await gone(refs);
      expect(recent.after(cursorAt(0), 1)).toBeUndefined();
    });

    test("when it is evicted", async () => {
      const { cost } = batches(1).batches[0] as Batch;
      const memory = new RecentMemory(10 * cost, createCounters());
      const recent = memory.open();
      const add = () => {
        const { batches: added, refs } = batches(50);
        for (const batch of added) recent.add(batch);
        return refs;
      };
      const refs = add();
      await gone(refs.slice(0, 40));
      expect(recent.after(cursorAt(40), 100)).toHaveLength(10);
    });
  });
});
