/** Arbitrary entries for property tests, with the bytes, names and ids that are most likely to be handled wrong. */
import fc from "fast-check";
import type { Entry, StreamEntries } from "../../../src/domain/streams/entry.ts";
import { type EntryId, idOf } from "../../../src/domain/streams/entry-id.ts";
import { anyString } from "./any-string.ts";

const MAX_PART = 2n ** 64n - 1n;

/** One half of an id: around powers of ten, where the number of digits changes, and at the ends of 64 bits. */
export const idPart: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt(0n, 30n),
  fc.tuple(fc.bigInt(0n, 19n), fc.bigInt(-2n, 2n)).map(([power, near]) => clamp(10n ** power + near)),
  fc.bigInt(MAX_PART - 3n, MAX_PART),
  fc.bigInt(0n, MAX_PART),
);

const clamp = (part: bigint) => (part < 0n ? 0n : part > MAX_PART ? MAX_PART : part);

/** Any id, `0-0` and the greatest included. */
export const anyId: fc.Arbitrary<EntryId> = fc.tuple(idPart, idPart).map(([ms, seq]) => idOf(ms, seq));

/** An id that a stored entry can have. */
export const entryId: fc.Arbitrary<EntryId> = anyId.filter((id) => id !== "0-0");

/** Any text that UTF-8 can encode. */
export const anyText: fc.Arbitrary<string> = anyString({ maxLength: 20 });

/** A stream name, including names that JSON has to escape. */
export const streamName: fc.Arbitrary<string> = fc.oneof(
  anyText.filter((name) => name !== ""),
  fc.constantFrom("a", 'say "hi"', "back\\slash", "ümläut/雪", "line\nbreak"),
);

/** A payload: random bytes, or text. */
export const payload: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  anyText.map((text) => new TextEncoder().encode(text)),
);

/** Further fields; none is called `d`. */
export const fields: fc.Arbitrary<Map<string, Uint8Array>> = fc
  .array(
    fc.tuple(
      fc.oneof(anyText, fc.constantFrom("__proto__", "constructor", "7")).filter((name) => name !== "d"),
      payload,
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((pairs) => new Map(pairs));

const plainEntry: fc.Arbitrary<Entry> = fc.record({ id: entryId, data: payload });

/** Streams with a payload per entry and nothing else, at least one entry in all. */
export const plainStreams: fc.Arbitrary<StreamEntries[]> = streamsOf(plainEntry);

/** Streams whose entries may have further fields, at least one entry in all. */
export const streamsWithFields: fc.Arbitrary<StreamEntries[]> = streamsOf(
  fc.oneof(plainEntry, fc.record({ id: entryId, data: payload, fields })),
);

function streamsOf(entry: fc.Arbitrary<Entry>): fc.Arbitrary<StreamEntries[]> {
  return fc.array(
    fc.record({ stream: streamName, entries: fc.array(entry, { minLength: 1, maxLength: 5 }) }),
    { minLength: 1, maxLength: 4 },
  );
}
