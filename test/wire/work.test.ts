/** Messages of work queues: encoded in steps, and decoded by the client. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runAtOnce } from "../../src/domain/scheduling/run-at-once.ts";
import { type EntryFields, valuesOf } from "../../src/domain/streams/entry.ts";
import { idOf } from "../../src/domain/streams/entry-id.ts";
import { type CleanFormatName, cleanFormat } from "../../src/wire/formats.ts";
import { joinSteps } from "../../src/wire/pieces.ts";
import { bytesOfText, lossyTextOf } from "../../src/wire/utf8.ts";
import type { WorkItem, WorkNotice } from "../../src/wire/work/work.ts";
import { decodeWork } from "../../src/wire/work/work-decoder.ts";

function* joined(format: CleanFormatName, stream: string, items: readonly WorkItem[]) {
  return yield* joinSteps(yield* cleanFormat(format).encodeWorkSteps(stream, items));
}

const value = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(300, 17_000, 70_000).map((length) => new Uint8Array(length).fill(0xe9)),
);
const fields: fc.Arbitrary<EntryFields> = fc
  .array(fc.tuple(fc.string(), fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 3 }))), {
    minLength: 1,
    maxLength: 5,
  })
  .map((list) => new Map(list));
const item: fc.Arbitrary<WorkItem> = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    value,
    fc.option(fields, { nil: undefined }),
    fc.constantFrom(1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1),
  )
  .map(([ms, data, some, n]) => ({
    entry: { id: idOf(ms, 7n), data, ...(some !== undefined && { fields: some }) },
    n,
  }));
const batch = fc.tuple(fc.string({ minLength: 1 }), fc.array(item, { maxLength: 20 }));

test("the client decodes what the gateway encodes in MessagePack", () => {
  fc.assert(
    fc.property(batch, ([stream, items]) => {
      const decoded = decodeWork(runAtOnce(joined("msgpack", stream, items)));
      const expected = { entries: items.map(({ entry, n }) => ({ stream, ...entry, n })) };
      // Vitest compares long arrays of bytes slowly.
      expect(isDeepStrictEqual(decoded, expected)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("the client rejects messages that were cut off or have bytes left", () => {
  fc.assert(
    fc.property(batch, fc.nat(), ([stream, items], at) => {
      const message = runAtOnce(joined("msgpack", stream, items));
      const cut = message.subarray(0, at % message.length);
      expect(() => decodeWork(cut)).toThrow("not valid MessagePack");
      expect(() => decodeWork(Uint8Array.of(...message.subarray(0, 500), 0))).toThrow();
    }),
    { numRuns: 200 },
  );
});

test("encodes the same values as JSON", () => {
  const jsonOf = (bytes: Uint8Array) => {
    const text = lossyTextOf(bytes);
    return Buffer.from(bytesOfText(text)).equals(bytes)
      ? text
      : { base64: Buffer.from(bytes).toString("base64") };
  };
  const fieldJson = (some: EntryFields | undefined) =>
    some === undefined
      ? null
      : Object.fromEntries(
          [...some].map(([name, one]) => [
            name,
            one instanceof Uint8Array ? jsonOf(one) : valuesOf(one).map(jsonOf),
          ]),
        );
  fc.assert(
    fc.property(batch, ([stream, items]) => {
      const decoded: unknown = JSON.parse(lossyTextOf(runAtOnce(joined("json", stream, items))));
      expect(decoded).toEqual(
        items.map(({ entry: { id, data, fields: some }, n }) => [
          stream,
          id,
          jsonOf(data),
          fieldJson(some),
          { n },
        ]),
      );
    }),
    { numRuns: 200 },
  );
});

test("the client decodes notices", () => {
  const name = fc.oneof(
    fc.string().map((id) => [undefined, id] as const),
    fc.tuple(fc.string(), fc.string()),
  );
  fc.assert(
    fc.property(fc.array(name, { maxLength: 40 }), fc.nat(1000), (names, count) => {
      const given = names.map(([stream, id]) => (stream === undefined ? id : [stream, id]));
      const expected = names.map(([stream, id]) => ({ stream, id }));
      const done = { counts: { ack: count, nack: 1 }, late: given };
      const decode = (notice: WorkNotice) => {
        const encoded = cleanFormat("msgpack").encodeWorkNotice(notice);
        return decodeWork(typeof encoded === "string" ? bytesOfText(encoded) : encoded);
      };
      expect(decode({ done })).toEqual({ late: expected });
      expect(decode({ lost: given })).toEqual({ lost: expected });
      expect(JSON.parse(String(cleanFormat("json").encodeWorkNotice({ done })))).toEqual({
        done: { ack: count, nack: 1, late: given },
      });
    }),
  );
});
