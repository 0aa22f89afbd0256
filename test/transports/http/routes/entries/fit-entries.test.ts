/** Selection of the entries that fit the response headers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseId } from "../../../../../src/domain/streams/entry-id.ts";
import { fitEntries, gapsHeader } from "../../../../../src/transports/http/routes/entries/fit-entries.ts";
import { asciiJson, encodeHeader } from "../../../../../src/wire/header.ts";
import { anyString } from "../../../../support/data/any-string.ts";

const idAt = (ms: number) => {
  const id = parseId(String(ms));
  if (id === undefined) throw new Error(`${ms} is not an id`);
  return id;
};

const found = fc
  .uniqueArray(
    fc.record({
      stream: anyString({ minLength: 1, maxLength: 40 }),
      sizes: fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 30 }),
      firstMs: fc.integer({ min: 1, max: 2_000_000_000_000 }),
      hasGap: fc.boolean(),
    }),
    { selector: ({ stream }) => stream, maxLength: 6 },
  )
  .map((streams) => ({
    streams: streams.map(({ stream, sizes, firstMs }) => ({
      stream,
      entries: sizes.map((size, i) => ({ id: idAt(firstMs + i), data: new Uint8Array(size) })),
    })),
    gaps: streams
      .filter(({ hasGap }) => hasGap)
      .map(({ stream, firstMs }) => ({ stream, after: idAt(0), before: idAt(firstMs) })),
  }));

test("selects entries that fit, from the beginning or end of each stream, with their gaps", () => {
  fc.assert(
    fc.property(
      found,
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 10, max: 4000 }),
      fc.constantFrom("start" as const, "end" as const),
      (all, hasOffsets, latest, room, side) => {
        const fitted = fitEntries(all, { hasOffsets, latest, room });
        if (fitted === undefined) {
          // Even the shortest item of one entry may be too long.
          expect(hasOffsets || all.gaps.length > 0).toBe(true);
          return;
        }
        const offsets = hasOffsets ? asciiJson(encodeHeader(fitted.streams, side)).length : 0;
        const gaps = fitted.gaps.length > 0 ? gapsHeader(fitted.gaps).length : 0;
        if (fitted.streams.length > 0) expect(offsets + gaps).toBeLessThanOrEqual(room);
        for (const { stream, entries } of fitted.streams) {
          const whole = all.streams.find((one) => one.stream === stream)?.entries ?? [];
          expect(entries).toEqual(latest ? whole.slice(-entries.length) : whole.slice(0, entries.length));
        }
        const taken = new Set(fitted.streams.map(({ stream }) => stream));
        expect(fitted.gaps).toEqual(all.gaps.filter(({ stream }) => taken.has(stream)));
      },
    ),
  );
});

test("selects all entries if all fit", () => {
  fc.assert(
    fc.property(found, fc.boolean(), fc.boolean(), (all, hasOffsets, latest) => {
      expect(fitEntries(all, { hasOffsets, latest, room: 10_000_000 })).toEqual(all);
    }),
  );
});

test("selects from streams round robin, so that no stream starves another", () => {
  const stream = (name: string, entries: number) => ({
    stream: name,
    entries: Array.from({ length: entries }, (_, i) => ({ id: idAt(i + 1), data: new Uint8Array(1) })),
  });
  const all = { streams: [stream("a", 500), stream("b", 500), stream("c", 2)], gaps: [] };
  const fitted = fitEntries(all, { hasOffsets: true, latest: false, room: 1000 });
  const [a = 0, b = 0, c = 0] = fitted?.streams.map(({ entries }) => entries.length) ?? [];
  expect(Math.abs(a - b)).toBeLessThanOrEqual(1);
  expect(a).toBeGreaterThan(10);
  expect(c).toBe(2);
});
