import { parse } from "graphql";
import { expect, test } from "vitest";
import {
  FIELD_BYTES,
  selectedFields,
} from "../../../../../src/transports/graphql/execution/limits/operation-memory.ts";

const KIB = 1024;
const bytesOf = (query: string): number => selectedFields(parse(query)) * FIELD_BYTES;

test.each([
  ["{ streamIds }", 1],
  ["{ a: streamIds b: streamIds }", 2],
  ['{ stream(id: "x") { id entries { nodes { string } } } }', 5],
  ["{ ... on Query { streamIds ... { deviceIds } } }", 2],
  [
    "{ ...F x: streams { ...G } ...F } fragment F on Query { streams { ...G } } fragment G on Stream { id length }",
    9,
  ],
  ["query A { a b } query B { a b c }", 3],
])("counts the fields of %s, those of a fragment as often as it is selected", (query, fields) => {
  expect(bytesOf(query)).toBe(fields * KIB);
});

test("limits what fragments that multiply reserve", () => {
  const doubling = Array.from(
    { length: 40 },
    (_, i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`,
  );
  const bytes = bytesOf(`{ ...f0 } ${doubling.join(" ")} fragment f40 on Query { streamIds }`);
  expect(bytes).toBe(2000 * KIB);
});
