/** Serialization of GraphQL results. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import {
  encodeLargeResult,
  encodeResult,
  isLargeResult,
} from "../../../../src/transports/graphql/execution/result-text.ts";
import { markNumbers } from "../../../../src/transports/request/exact-numbers.ts";
import { anyString } from "../../../support/data/any-string.ts";
import { eventLoopTurns } from "../../../support/until.ts";

const KIB = 1024;
const workSlices = createTurns().slices;
const text = (encoded: string | readonly Uint8Array[]): string =>
  typeof encoded === "string" ? encoded : Buffer.concat(encoded).toString();

test("a small result is text", async () => {
  expect(await encodeResult({ data: { a: 1 } }, workSlices)).toBe('{"data":{"a":1}}');
});

describe("a result is large", () => {
  test.each<[string, object, boolean]>([
    ["with few values", { data: Array(100).fill({ a: 1 }) }, false],
    ["with many values", { data: Array(3000).fill(1) }, true],
    ["with many values in a nested object", { data: [{ a: { b: Array(3000).fill({}) } }] }, true],
    ["with a short text", { data: "a".repeat(60 * KIB) }, false],
    ["with a long text", { data: { a: "a".repeat(70 * KIB) } }, true],
    ["with many texts", { data: Array(100).fill("a".repeat(KIB)) }, true],
  ])("%s", (_, result, isLarge) => expect(isLargeResult(result)).toBe(isLarge));
});

test("a large result is the same JSON, in pieces", () =>
  fc.assert(
    fc.asyncProperty(
      fc.object({
        key: anyString(),
        values: [anyString(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined)],
      }),
      async (result) => {
        expect(text(await encodeLargeResult(result, workSlices))).toBe(JSON.stringify(result));
      },
    ),
  ));

test("a long list is the same JSON, in pieces", () => {
  const item = fc.oneof(
    fc.object({ maxDepth: 2, values: [fc.integer(), fc.constant(undefined), fc.constant(null)] }),
    fc.constant(undefined),
    fc.constant({ toJSON: () => ({ message: "an error" }) }),
    fc.constant({ long: "é".repeat(40 * KIB) }),
    fc.constant(Array(1100).fill("a")),
  );
  return fc.assert(
    fc.asyncProperty(
      fc.array(item, { maxLength: 8 }),
      fc.integer({ min: 0, max: 300 }),
      async (items, repeats) => {
        const result = { none: undefined, data: { list: Array(repeats).fill(items).flat() } };
        expect(text(await encodeLargeResult(result, workSlices))).toBe(JSON.stringify(result));
      },
    ),
    { numRuns: 20 },
  );
});

test.each([64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 200_000])(
  "a text of %i characters and a pair",
  async (before) => {
    const result = { data: `${"é".repeat(before)}😀"\n\ud800${"b".repeat(70 * KIB)}` };
    expect(text(await encodeResult(result, workSlices))).toBe(JSON.stringify(result));
  },
);

test("numbers that JavaScript cannot represent are restored", async () => {
  const json = `{"list":[${Array(3000).fill("12345678901234567890").join(",")}]}`;
  expect(text(await encodeResult(JSON.parse(markNumbers(json)), workSlices))).toBe(json);
});

test("other events are handled while a large result is serialized", async () => {
  let turns = 0;
  let isDone = false;
  const counting = (async () => {
    while (!isDone) {
      await eventLoopTurns(1);
      turns++;
    }
  })();
  await encodeResult({ data: Array(40).fill("é".repeat(500_000)) }, workSlices);
  isDone = true;
  await counting;
  expect(turns).toBeGreaterThan(3);
});
