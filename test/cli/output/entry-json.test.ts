/** Entries as JSON: payloads and ids of any kind are one line. */
import { expect, test } from "vitest";
import { entryJson } from "../../../cli/output/entry-json.ts";
import { createPulledEntry } from "../../../client/reading/entry.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const lineOf = (id: string, data: Uint8Array, type?: string): unknown =>
  JSON.parse(
    entryJson(
      createPulledEntry(
        {
          stream: "s",
          id,
          data,
          ...(type !== undefined && { fields: new Map([["content-type", bytes(type)]]) }),
        },
        false,
      ),
    ),
  );

test.each([
  ["application/json", bytes("nope"), "nope"],
  ["application/msgpack", Uint8Array.of(0xc1, 0xff), { base64: "wf8=" }],
  ["text/plain", Uint8Array.of(0xff), { base64: "/w==" }],
])("a payload that is not of its declared type %s is text or bytes", (type, data, shown) => {
  expect(lineOf("5-1", data, type)).toMatchObject({ data: shown, fields: { "content-type": type } });
});

test("an id need not be a time", () => {
  expect(lineOf("18446744073709551615-7", bytes("x"))).toEqual({
    ...{ stream: "s", id: "18446744073709551615-7", time: null, data: "x" },
  });
});
