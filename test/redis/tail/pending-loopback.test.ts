import fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID, idOf } from "../../../src/domain/streams/entry-id.ts";
import { createPendingLoopback } from "../../../src/redis/tail/pending-loopback.ts";

const id = (n: number): EntryId => (n === 0 ? FIRST_ID : idOf(BigInt(n), 0n));
const entry = (n: number, bytes = 1): Entry => ({ id: id(n), data: new Uint8Array(bytes) });
const idsOf = (entries: readonly Entry[]) => entries.map((one) => one.id);

test("a run waits until the position reaches it, and is taken once", () => {
  const early = createPendingLoopback();
  expect(early.add("s", id(3), [entry(4), entry(5)])).toBe(true);
  expect(early.add("s", id(5), [entry(6)])).toBe(true);
  expect(early.following("s", id(2))).toEqual([]);
  expect(early.has("s")).toBe(true);
  expect(idsOf(early.following("s", id(3)))).toEqual(["4-0", "5-0", "6-0"]);
  expect(early.has("s")).toBe(false);
  expect(early.following("s", id(3))).toEqual([]);
});

test("takes the rest of a partly passed run, and nothing of a passed one", () => {
  const early = createPendingLoopback();
  early.add("s", id(3), [entry(4), entry(5), entry(6)]);
  expect(idsOf(early.following("s", id(5)))).toEqual(["6-0"]);
  early.add("s", id(6), [entry(7)]);
  expect(early.following("s", id(9))).toEqual([]);
  expect(early.has("s")).toBe(false);
});

test("replaces a run that is not continued: the pending read returns its entries", () => {
  const early = createPendingLoopback();
  early.add("s", id(1), [entry(2)]);
  early.add("s", id(5), [entry(6)]);
  expect(early.following("s", id(2))).toEqual([]);
  expect(idsOf(early.following("s", id(5)))).toEqual(["6-0"]);
});

test("keeps and drops the run of each stream separately", () => {
  const early = createPendingLoopback();
  early.add("a", id(1), [entry(2)]);
  early.add("b", id(1), [entry(2)]);
  early.forget("a");
  expect(early.has("a")).toBe(false);
  expect(idsOf(early.following("b", id(1)))).toEqual(["2-0"]);
});

test("drops and reports a run over its bound of bytes or entries", () => {
  for (const [bytes, max] of [
    [300_000, 7],
    [1, 2001],
  ] as const) {
    const early = createPendingLoopback();
    let n = 1;
    while (early.add("s", id(n), [entry(n + 1, bytes)])) n++;
    expect(n).toBeLessThanOrEqual(max);
    expect(n).toBeGreaterThan(max / 2);
    expect(early.has("s")).toBe(false);
  }
});

test("a single batch never exceeds the bound: its transaction was bounded", () => {
  const early = createPendingLoopback();
  expect(early.add("s", id(1), [entry(2, 5_000_000)])).toBe(true);
  expect(early.add("s", id(2), [entry(3)])).toBe(false);
});

test("property: delivered entries have no gap or duplicate in any order of loopback, reads and positions", () => {
  // A contiguous stream, of which the tail reads some entries and all are looped back.
  const step = fc.oneof(
    fc.record({ do: fc.constant("echo" as const), entries: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant("read" as const), entries: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant("foreign" as const), entries: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ do: fc.constant("hand on" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const early = createPendingLoopback();
      let end = 0;
      let position = id(0);
      const seen: EntryId[] = [];
      const goOn = (entries: readonly Entry[]) => {
        for (const one of entries) {
          seen.push(one.id);
          position = one.id;
        }
      };
      for (const one of steps) {
        switch (one.do) {
          case "echo": {
            const own = Array.from({ length: one.entries }, (_, i) => entry(end + i + 1));
            early.add("s", id(end), own);
            end += one.entries;
            break;
          }
          case "foreign":
            end += one.entries;
            break;
          case "read": {
            const from = Number(position.split("-")[0]);
            const to = Math.min(end, from + one.entries);
            goOn(Array.from({ length: to - from }, (_, i) => entry(from + i + 1)));
            break;
          }
          default:
            goOn(early.following("s", position));
        }
      }
      expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => id(i + 1)));
      expect(compareIds(position, id(end))).toBeLessThanOrEqual(0);
    }),
  );
});
