import { encode as encodeByLibrary } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runAtOnce } from "../../src/domain/scheduling/run-at-once.ts";
import type { Entry, FieldValue, StreamEntries } from "../../src/domain/streams/entry.ts";
import { type EntryId, FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { CLEAN_FORMAT_NAMES, cleanFormat } from "../../src/wire/formats.ts";
import { decodePulledMsgpack } from "../../src/wire/msgpack/msgpack.ts";
import { isLongToEncode, joinSteps, type Pieces } from "../../src/wire/pieces.ts";
import { bytesOfText } from "../../src/wire/utf8.ts";
import { anyId } from "../support/data/arbitraries.ts";

function* joined(work: Generator<void, Pieces>): Generator<void, Uint8Array> {
  return yield* joinSteps(yield* work);
}

/** Bytes of every size at which the encoders switch their method: valid text, text truncated within a character, and binary. */
const value = fc
  .tuple(
    fc.array(
      fc.constantFrom("a", "é", "😀", "€", '"', "\\", "\n", "\u0001", "\ufeff", "\u2028", "\0", "\x7f"),
      { maxLength: 9 },
    ),
    // Mostly short: a batch has up to a thousand values, and a few long ones change its method as well as hundreds do.
    fc.oneof(
      { arbitrary: fc.constantFrom(1, 1, 1, 40), weight: 30 },
      { arbitrary: fc.constantFrom(5000, 17_000), weight: 1 },
    ),
    fc.constantFrom("text", "text", "cut", "bytes"),
  )
  .map(([characters, times, kind]) => {
    const bytes = bytesOfText(characters.join("").repeat(times));
    if (kind === "cut") return bytes.subarray(0, -1);
    if (kind === "bytes" && bytes.length > 0) bytes[bytes.length - 1] = 0xff;
    return bytes;
  });
const fieldValue: fc.Arbitrary<FieldValue> = fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }));
/** None is an integer, which the library would sort. */
const name = fc.oneof(
  {
    arbitrary: fc.constantFrom("", "é", '"', "x".repeat(31), "x".repeat(32), "x".repeat(300)),
    weight: 30,
  },
  { arbitrary: fc.string().map((text) => `n${text}`), weight: 30 },
  { arbitrary: fc.constant("é".repeat(40_000)), weight: 1 },
);
const entry: fc.Arbitrary<Entry> = fc
  .tuple(value, fc.option(fc.array(fc.tuple(name, fieldValue), { maxLength: 20 })))
  .map(([data, fields]) => ({
    id: FIRST_ID,
    data,
    ...(fields !== null && { fields: new Map(fields) }),
  }));
const streams: fc.Arbitrary<StreamEntries[]> = fc.array(
  fc.record({ stream: name, entries: fc.array(entry, { maxLength: 20 }) }),
  { maxLength: 3 },
);

/** Encodes entries with the library, as the gateway once did. It takes objects, whose names are sorted if they are integers. */
const msgpackByLibrary = (given: readonly StreamEntries[]): Uint8Array =>
  encodeByLibrary(
    given.flatMap(({ stream, entries }) =>
      entries.map(({ id, data, fields }) =>
        fields === undefined ? [stream, id, data] : [stream, id, data, Object.fromEntries(fields)],
      ),
    ),
  );

for (const format of CLEAN_FORMAT_NAMES) {
  const { encode, encodeSteps, isBinary } = cleanFormat(format);
  const reference = (given: readonly StreamEntries[]) => {
    const encoded = encode(given);
    return Buffer.from(typeof encoded === "string" ? bytesOfText(encoded) : msgpackByLibrary(given));
  };
  const inSteps = (given: readonly StreamEntries[]) => Buffer.from(runAtOnce(joined(encodeSteps(given))));

  test(`${format}: encodes the same bytes in steps as ${isBinary ? "the library" : "at once"}`, () => {
    fc.assert(
      fc.property(streams, (given) => {
        expect(inSteps(given).equals(reference(given))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test(`${format}: encodes many entries, many fields, and values of every length prefix`, () => {
    for (const count of [15, 16, 255, 256, 65_536]) {
      const id = FIRST_ID;
      const data = bytesOfText("x");
      const entries = Array.from({ length: count }, () => ({ id, data }));
      const fields = new Map(entries.map((_, i) => [`f${i}`, i % 7 === 0 ? [data, data] : data]));
      const sizes = [0, 31, 255, 256, 65_535, 65_536].map((size) => ({ id, data: new Uint8Array(size) }));
      const given = [
        { stream: "s", entries },
        { stream: "t", entries: [{ id, data, fields }, ...sizes] },
      ];
      expect(inSteps(given).equals(reference(given))).toBe(true);
    }
  });
}

test("msgpack: does not copy values of 16 KB and more", () => {
  const [data, value] = [new Uint8Array(16 * 1024), new Uint8Array(20_000)];
  const entries = [{ id: FIRST_ID, data, fields: new Map([["f", value]]) }];
  const pieces = cleanFormat("msgpack").encode([{ stream: "s", entries }]);
  expect([pieces[1] === data, pieces[3] === value]).toEqual([true, true]);
});

test("property: msgpack: writes short values into one block of memory", () => {
  const short = fc.uint8Array({ maxLength: 300 });
  const text = fc.string({ unit: "grapheme", maxLength: 50 });
  const fields = fc.array(fc.tuple(text, fc.oneof(short, fc.array(short, { minLength: 1, maxLength: 3 }))));
  const one = fc.tuple(anyId, short, fields).map(([id, data, some]) => ({ id, data, fields: new Map(some) }));
  const given = fc.record({ stream: text, entries: fc.array(one, { minLength: 1, maxLength: 5 }) });
  fc.assert(
    fc.property(fc.array(given, { maxLength: 3 }), (batch) => {
      expect(cleanFormat("msgpack").encode(batch)).toHaveLength(1);
    }),
  );
});

test("msgpack: keeps the order of integer field names", () => {
  const fields = new Map(["b", "10", "9"].map((field) => [field, bytesOfText(field)]));
  const given = [{ stream: "s", entries: [{ id: "1-0" as EntryId, data: bytesOfText("x"), fields }] }];
  const encoded = runAtOnce(joined(cleanFormat("msgpack").encodeSteps(given)));
  expect([...(decodePulledMsgpack(encoded)[0]?.fields?.keys() ?? [])]).toEqual(["b", "10", "9"]);
});

test("keeps each step short for every kind of long batch", () => {
  const id = FIRST_ID;
  const one = bytesOfText("x");
  const fields = new Map(Array.from({ length: 4000 }, (_, i) => [`f${i}`, one]));
  const long = [
    [{ id, data: new Uint8Array(4_000_000) }],
    [{ id, data: new Uint8Array(4_000_000).fill(0xff) }],
    [{ id, data: one, fields }],
    Array.from({ length: 10_000 }, () => ({ id, data: new Uint8Array([0xff]) })),
  ];
  for (const entries of long) {
    const given = [{ stream: "s", entries }];
    expect(isLongToEncode(given)).toBe(true);
    for (const format of CLEAN_FORMAT_NAMES) {
      const steps = joined(cleanFormat(format).encodeSteps(given));
      let count = 0;
      while (steps.next().done !== true) count++;
      expect(count).toBeGreaterThan(3);
    }
  }
});

test("encodes short batches at once", () => {
  const id = FIRST_ID;
  const entries = Array.from({ length: 200 }, () => ({ id, data: new Uint8Array(100) }));
  expect(isLongToEncode([{ stream: "s", entries }])).toBe(false);
  expect(isLongToEncode([])).toBe(false);
});
