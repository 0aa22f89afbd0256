import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../../../src/wire/json/json-text.ts";
import { rejectionOf } from "../../support/rejection.ts";

/** Maximum number of JSON values for a batch limit of ten entries. */
const FIT = 4096 + 64 * 10;
const parse = (text: string) => parseJson(text, "the message", 10);

test("rejects invalid JSON with the name of the text", () => {
  expect(rejectionOf(() => parseJson("[", "header", 10))).toBe("BAD_HEADER: header is not valid JSON");
});

describe("rejects a text of more values than a batch can have before it is parsed", () => {
  const rejected = `TOO_LARGE: the message must have at most ${FIT} values`;

  test.each<[string, (count: number) => string]>([
    ["numbers", (count) => `[${"0,".repeat(count - 2)}0]`],
    ["lists", (count) => `[${"[],".repeat((count - 1) / 2)}0]`],
    ["lists in lists", (count) => "[".repeat(count - 1) + "]".repeat(count - 1)],
    ["objects in lists", (count) => `[${"{},".repeat((count - 1) / 2)}0]`],
    ["strings", (count) => `[${'"\\",[{",'.repeat(count - 2)}0]`],
  ])("%s", (_, textOf) => {
    expect(() => parse(textOf(FIT - 1))).not.toThrow();
    expect(rejectionOf(() => parse(textOf(FIT + 3)))).toBe(rejected);
  });

  test("counts members of objects", () => {
    const members = Array.from({ length: FIT + 1 }, (_, i) => `"${i}":0`);
    expect(rejectionOf(() => parse(`{${members.join(",")}}`))).toBe(rejected);
  });

  test("rejects 64 MB of brackets without parsing them", () => {
    const before = process.memoryUsage().heapUsed;
    expect(rejectionOf(() => parse("[".repeat(64 * 2 ** 20)))).toBe(rejected);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 2 ** 20);
  });
});

describe("ignores structural characters in strings", () => {
  const inside = ",[{".repeat(FIT);

  test.each([
    ["plain", `["${inside}"]`],
    ["behind an escaped quote", `["\\"${inside}\\\\\\"${inside}"]`],
    ["behind an escaped backslash at a string's end", `["\\\\","${inside}","\\\\\\\\"]`],
    ["as an object's name", `{"${inside}":"\\"${inside}"}`],
  ])("%s", (_, text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test("rejects an unterminated string", () => {
    expect(rejectionOf(() => parse(`["${inside}`))).toBe("BAD_HEADER: the message is not valid JSON");
    expect(rejectionOf(() => parse(`["${inside}\\"`))).toBe("BAD_HEADER: the message is not valid JSON");
  });
});

test("property: parses JSON within the limit as JSON.parse does", () => {
  // Each value is repeated, so that the text is long enough to be counted.
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 2 }), fc.string(), (value, text) => {
      const json = JSON.stringify([value, text.repeat(FIT), value]);
      expect(parseJson(json, "the message", 10)).toEqual(JSON.parse(json));
    }),
  );
});
