import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Entry, type StreamEntries, valuesOf } from "../../src/domain/streams/entry.ts";
import { compareIds, FIRST_ID, idAtTime } from "../../src/domain/streams/entry-id.ts";
import { createBatch, firstPast, frameOf } from "../../src/live/batch.ts";
import type { Encoder } from "../../src/live/sink.ts";
import { anyId } from "../support/data/arbitraries.ts";

/** Payloads up to this size (bytes) are copied together. */
const COMPACT_UP_TO = 4096;

const entry = (ms: number, data: Uint8Array, fields?: Entry["fields"]): Entry => ({
  id: idAtTime(ms),
  data,
  ...(fields !== undefined && { fields }),
});
const batchOf = (...entries: Entry[]) =>
  createBatch("k", FIRST_ID, entries, entries[entries.length - 1]?.id ?? FIRST_ID);

describe("createBatch", () => {
  /** Returns a slice of a much larger reply. */
  const slice = (bytes: number) => new Uint8Array(1_000_000).subarray(500, 500 + bytes).fill(7);

  test("copies small payloads and fields into one buffer of their total size", () => {
    const fields = new Map([["n", slice(3)]]);
    const { entries } = batchOf(
      entry(1, slice(10)),
      entry(2, slice(0), fields),
      entry(3, slice(COMPACT_UP_TO)),
    );
    expect(entries.map(({ data }) => data)).toEqual([
      new Uint8Array(10).fill(7),
      new Uint8Array(),
      new Uint8Array(COMPACT_UP_TO).fill(7),
    ]);
    expect(entries[1]?.fields).toEqual(new Map([["n", new Uint8Array(3).fill(7)]]));
    const memory = new Set(
      entries.flatMap(({ data, fields }) =>
        [data, ...[...(fields?.values() ?? [])].flatMap(valuesOf)].map((one) => one.buffer),
      ),
    );
    expect([...memory].map((one) => one.byteLength)).toEqual([10 + 3 + COMPACT_UP_TO]);
  });

  test("does not copy large payloads", () => {
    const large = slice(COMPACT_UP_TO + 1);
    const { entries } = batchOf(entry(1, slice(10)), entry(2, large));
    expect(entries[1]?.data).toBe(large);
  });

  test("is not affected when the memory of the reply is reused", () => {
    const data = slice(10);
    const { entries } = batchOf(entry(1, data));
    data.fill(0);
    expect(entries[0]?.data).toEqual(new Uint8Array(10).fill(7));
  });

  test("counts payloads and fields twice in its cost, because frames copy them", () => {
    const none = batchOf(entry(1, new Uint8Array())).cost;
    expect(none).toBeGreaterThan(0);
    expect(batchOf(entry(1, new Uint8Array(5000))).cost).toBe(none + 10_000);
    const fields = new Map([["name", new Uint8Array(996)]]);
    const objects = batchOf(entry(1, new Uint8Array(), new Map([["", new Uint8Array()]]))).cost;
    expect(batchOf(entry(1, new Uint8Array(), fields)).cost).toBe(objects + 2000);
  });

  test("counts the objects of a batch, of each entry, and of fields", () => {
    const costOf = (entries: number, fields?: Entry["fields"]) =>
      batchOf(...Array.from({ length: entries }, (_, i) => entry(i + 1, new Uint8Array(), fields))).cost;
    const perEntry = costOf(2) - costOf(1);
    expect(perEntry).toBeGreaterThan(0);
    expect(costOf(1)).toBeGreaterThan(perEntry);
    expect(costOf(1000)).toBe(costOf(1) + 999 * perEntry);
    const none = new Uint8Array();
    const one = costOf(1, new Map([["a", none]]));
    const two = costOf(
      1,
      new Map([
        ["a", none],
        ["b", none],
      ]),
    );
    expect(costOf(1, new Map([["a", [none, none]]]))).toBe(two + 0);
    expect(two - one).toBeGreaterThan(0);
    expect(one - costOf(1)).toBeGreaterThan(two - one);
  });
});

test("property: firstPast finds the first entry after a cursor", () => {
  const ids = fc.uniqueArray(anyId, { maxLength: 20 }).map((some) => some.sort(compareIds));
  fc.assert(
    fc.property(ids, anyId, fc.nat(), (sorted, other, pick) => {
      const entries = sorted.map((id): Entry => ({ id, data: new Uint8Array() }));
      for (const cursor of [other, sorted[pick % sorted.length] ?? other]) {
        const found = entries.findIndex(({ id }) => compareIds(id, cursor) > 0);
        expect(firstPast(entries, cursor)).toBe(found < 0 ? entries.length : found);
      }
    }),
  );
});

describe("frameOf", () => {
  function counting(form: string | undefined) {
    const calls: (readonly StreamEntries[])[] = [];
    const encode = (streams: readonly StreamEntries[]) => {
      calls.push(streams);
      return `frame ${calls.length}`;
    };
    const encoder: Encoder<string> = form === undefined ? { encode } : { form, encode };
    return { encoder, calls };
  }

  test("encodes all entries once per form and stream name", () => {
    const batch = batchOf(entry(1, Uint8Array.of(1)), entry(2, Uint8Array.of(2)));
    const { encoder, calls } = counting("raw");
    expect(frameOf(batch, "raw a", { encoder }, { name: "a" })).toBe("frame 1");
    expect(frameOf(batch, "raw a", { encoder }, { name: "a" })).toBe("frame 1");
    expect(frameOf(batch, "raw b", { encoder }, { name: "b" })).toBe("frame 2");
    expect(frameOf(batch, "raw a", { encoder }, { name: "a" })).toBe("frame 1");
    expect(calls).toEqual([
      [{ stream: "a", entries: batch.entries }],
      [{ stream: "b", entries: batch.entries }],
    ]);
  });

  test("does not share frames if the encoder has no form", () => {
    const batch = batchOf(entry(1, Uint8Array.of(1)));
    const { encoder } = counting(undefined);
    expect(frameOf(batch, undefined, { encoder }, { name: "a" })).toBe("frame 1");
    expect(frameOf(batch, undefined, { encoder }, { name: "a" })).toBe("frame 2");
  });
});
