/** Stored metadata as a JSON value, the first time and again. */

import { expect, test } from "vitest";
import { GatewayError } from "../../../../src/domain/errors.ts";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import { UnreadValue } from "../../../../src/redis/registry/stored-values.ts";
import { WorkBudget } from "../../../../src/transports/graphql/execution/limits/work-budget.ts";
import { ParsedMeta, ParsedMetas } from "../../../../src/transports/graphql/schema/parsed-meta.ts";
import { declaredOf, loadedMeta, metaOf } from "../../../../src/transports/graphql/schema/payload.ts";

const parsedMetas = new ParsedMetas();
const tooLarge = () => new GatewayError("TOO_LARGE", "no memory");
const load = (stored: Parameters<typeof loadedMeta>[0]) => loadedMeta(stored, parsedMetas, tooLarge);

/** Returns the budgets of an operation. */
function operation(graphqlMaxFields = 1000, maxCharacters = 1000) {
  let characters = 0;
  return {
    work: new WorkBudget({ graphqlMaxFields, graphqlMaxPayloadBytes: 1000 }, createTurns().slices),
    payloads: {
      count(more: number) {
        characters += more;
        if (characters > maxCharacters) throw tooLarge();
      },
    },
  };
}
const parsedOf = (stored: Buffer | undefined) => metaOf(load(stored), operation());
const rejected = (code: string) => expect.objectContaining({ code });

test("metadata is parsed", () => {
  const stored = Buffer.from('{"a":[1,2]}');
  expect(parsedOf(stored)).toEqual({ a: [1, 2] });
  expect(parsedOf(stored)).toEqual({ a: [1, 2] });
  expect(parsedOf(Buffer.from('{"a":[1,3]}'))).toEqual({ a: [1, 3] });
  expect(parsedOf(undefined)).toEqual({});
});

test("repeated metadata counts as often as it is read", () => {
  const loaded = load(Buffer.from("[1,2,3,4,5]"));
  const context = operation(20);
  metaOf(loaded, context);
  metaOf(loaded, context);
  expect(() => {
    for (let i = 0; i < 10; i++) metaOf(loaded, context);
  }).toThrow(rejected("TOO_LARGE"));
});

test("the text of each field counts", () => {
  const loaded = load(Buffer.from(JSON.stringify({ schema: { name: "x".repeat(60) }, title: "t" })));
  const context = operation(1000, 300);
  metaOf(loaded, context);
  expect(declaredOf(loaded, "schema", context)).toEqual({ name: "x".repeat(60) });
  metaOf(loaded, context);
  expect(() => declaredOf(loaded, "schema", context)).toThrow(rejected("TOO_LARGE"));
  expect(declaredOf(loaded, "title", context)).toBe("t");
});

test("metadata that was not read is an error that names its size", () => {
  expect(load(new UnreadValue(3000, 2000))).toMatchObject({
    code: "TOO_LARGE",
    message: "the metadata must be at most 2000 bytes of JSON (MAX_META_BYTES), got 3000",
  });
  expect(load(new UnreadValue(3000, undefined))).toEqual(tooLarge());
});

test("bytes that are not UTF-8 are an error, although they decode to the text of other metadata", () => {
  expect(parsedOf(Buffer.from('"\ufffd"'))).toBe("\ufffd");
  expect(() => parsedOf(Buffer.from([0x22, 0xff, 0x22]))).toThrow(rejected("BAD_PAYLOAD"));
});

test("invalid JSON is an error each time", () => {
  for (let i = 0; i < 2; i++) expect(() => parsedOf(Buffer.from("{"))).toThrow(rejected("BAD_PAYLOAD"));
});

test("few texts are kept", () => {
  const metas = new ParsedMetas();
  metas.add("a".repeat(2000), new ParsedMeta(0, 1, 2000));
  expect(metas.get("a".repeat(2000))).toBeUndefined();
  for (let i = 0; i < 100_000; i++) metas.add(`${i}`, new ParsedMeta(i, 1, 5));
  expect(metas.get("0")).toBeUndefined();
  expect(metas.get("99999")?.value).toBe(99_999);
});
