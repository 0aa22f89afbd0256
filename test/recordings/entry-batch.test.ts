import fc from "fast-check";
import { expect, it } from "vitest";
import type { Entry, EntryFields, StreamEntries } from "../../src/domain/streams/entry.ts";
import { idOf } from "../../src/domain/streams/entry-id.ts";
import { packEntries, unpackEntries } from "../../src/recordings/entry-batch.ts";

const U64 = 2n ** 64n - 1n;
const bytes = fc.uint8Array({ maxLength: 20 });
const fields: fc.Arbitrary<EntryFields | undefined> = fc.option(
  fc
    .array(
      fc.tuple(
        fc.string({ unit: "grapheme" }),
        fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 })),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((members) => new Map(members)),
  { nil: undefined },
);
const entries: fc.Arbitrary<Entry> = fc
  .record({ ms: fc.bigInt(0n, U64), seq: fc.bigInt(0n, U64), data: bytes, fields })
  .map(({ ms, seq, data, fields }) => ({ id: idOf(ms, seq), data, ...(fields && { fields }) }));
const groups: fc.Arbitrary<readonly StreamEntries[]> = fc.array(
  fc.record({ stream: fc.constantFrom("a:b", "ü:漢", ""), entries: fc.array(entries, { maxLength: 4 }) }),
  { maxLength: 6 },
);

/** Buffers are compared as plain bytes. */
const plain = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? [...value]
    : value instanceof Map
      ? [...value].map(([name, one]) => [name, plain(one)])
      : Array.isArray(value)
        ? value.map(plain)
        : value;

it("has all entries, in order", () => {
  fc.assert(
    fc.property(groups, (packed) => {
      const expected = packed.flatMap(({ stream, entries }) =>
        entries.map((entry) => [stream, entry] as const),
      );
      const show = (all: readonly (readonly [string, Entry])[]) =>
        all.map(([key, { id, data, fields }]) => [key, id, plain(data), plain(fields)]);
      expect(show([...unpackEntries(packEntries(packed))])).toEqual(show(expected));
    }),
  );
});
