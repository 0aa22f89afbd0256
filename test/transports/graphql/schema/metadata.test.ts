/** Stored metadata as a JSON value, the first time and again. */

import { expect, test } from "vitest";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import { WorkBudget } from "../../../../src/transports/graphql/execution/limits/work-budget.ts";
import { ParsedMetas } from "../../../../src/transports/graphql/schema/parsed-meta.ts";
import { metaOf } from "../../../../src/transports/graphql/schema/payload.ts";

const parsedMetas = new ParsedMetas();
/** Returns the context of an operation. */
const operation = (graphqlMaxFields = 1000) => ({
  work: new WorkBudget({ graphqlMaxFields, graphqlMaxPayloadBytes: 1000 }, createTurns().slices),
  parsedMetas,
});

test("metadata is parsed", () => {
  const stored = Buffer.from('{"a":[1,2]}');
  expect(metaOf(stored, operation())).toEqual({ a: [1, 2] });
  expect(metaOf(stored, operation())).toEqual({ a: [1, 2] });
  expect(metaOf(Buffer.from('{"a":[1,3]}'), operation())).toEqual({ a: [1, 3] });
  expect(metaOf(undefined, operation())).toEqual({});
});

test("repeated metadata counts as often as it is read", () => {
  const stored = Buffer.from("[1,2,3,4,5]");
  const context = operation(20);
  metaOf(stored, context);
  metaOf(stored, context);
  expect(() => {
    for (let i = 0; i < 10; i++) metaOf(stored, context);
  }).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
});

test("bytes that are not UTF-8 are an error, although they decode to the text of other metadata", () => {
  const valid = Buffer.from('"\ufffd"');
  expect(metaOf(valid, operation())).toBe("\ufffd");
  expect(() => metaOf(Buffer.from([0x22, 0xff, 0x22]), operation())).toThrow(
    expect.objectContaining({ code: "BAD_PAYLOAD" }),
  );
});

test("invalid JSON is an error each time", () => {
  for (let i = 0; i < 2; i++)
    expect(() => metaOf(Buffer.from("{"), operation())).toThrow(
      expect.objectContaining({ code: "BAD_PAYLOAD" }),
    );
});

test("few texts are kept", () => {
  const metas = new ParsedMetas();
  metas.add("a".repeat(2000), { value: 0, values: 1 });
  expect(metas.get("a".repeat(2000))).toBeUndefined();
  for (let i = 0; i < 100_000; i++) metas.add(`${i}`, { value: i, values: 1 });
  expect(metas.get("0")).toBeUndefined();
  expect(metas.get("99999")).toEqual({ value: 99_999, values: 1 });
});
