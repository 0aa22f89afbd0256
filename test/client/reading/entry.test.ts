// cspell:ignore WAVEfmt jsonx
/** Values of entries by content type. */
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPulledEntry } from "../../../client/reading/entry.ts";
import { guessType } from "../../../src/domain/content/detection.ts";
import { anyString } from "../../support/data/any-string.ts";

const bytesOf = (data: string | Uint8Array) =>
  typeof data === "string" ? new TextEncoder().encode(data) : data;
const entryOf = (data: string | Uint8Array, fields: Record<string, string> = {}) =>
  createPulledEntry(
    {
      stream: "s",
      id: "5-0",
      data: bytesOf(data),
      fields: new Map(Object.entries(fields).map(([name, value]) => [name, bytesOf(value)])),
    },
    false,
  );

const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 1);

describe("value", () => {
  test.each([
    ["application/json", '{"a":1}', { a: 1 }],
    ["application/json; charset=utf-8", "5", 5],
    ["Application/LD+JSON", "[1]", [1]],
    ["text/plain", "42", "42"],
    ["text/csv; header=present", "a,b", "a,b"],
    ["application/msgpack", encode({ a: [1, null] }), { a: [1, null] }],
    ["application/x-msgpack", encode(7), 7],
    ["application/vnd.msgpack", encode("x"), "x"],
    ["image/jpeg", JPEG, JPEG],
    ["application/octet-stream", "{}", bytesOf("{}")],
    ["application/jsonx", "{}", bytesOf("{}")],
    ["nonsense", "{}", bytesOf("{}")],
  ])("of %s", (type, data, value) => {
    expect(entryOf(data).value(type)).toEqual(value);
    expect(entryOf(data, { "content-type": type }).value("text/plain")).toEqual(value);
  });

  test.each([
    ["JSON", '{"a":1}', { a: 1 }],
    ["a number", "42", 42],
    ["text", "hello", "hello"],
    ["MessagePack", encode({ a: new Uint8Array([1]) }), { a: Uint8Array.of(1) }],
    ["a JPEG", JPEG, JPEG],
    ["a WAV", "RIFF\0\0\0\0WAVEfmt ", bytesOf("RIFF\0\0\0\0WAVEfmt ")],
    ["samples", Uint8Array.of(1, 0, 0xff, 0x7f), Uint8Array.of(1, 0, 0xff, 0x7f)],
    ["text with control characters", "a\0b", bytesOf("a\0b")],
    ["nothing", "", new Uint8Array()],
  ])("of %s is detected", (_what, data, value) => {
    expect(entryOf(data).value()).toEqual(value);
  });

  test.each([
    ["application/json", "{"],
    ["text/plain", Uint8Array.of(0xff)],
    ["application/msgpack", Uint8Array.of(0x91)],
    ["application/msgpack", Uint8Array.of(0xc0, 0xc0)],
    ["application/msgpack", new Uint8Array(100_000).fill(0x91)],
  ])("of %s that is not valid throws", (type, data) => {
    expect(() => entryOf(data).value(type)).toThrow(expect.objectContaining({ code: "BAD_PAYLOAD" }));
  });

  test("property: detects what the gateway detects", () => {
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      anyString().map(bytesOf),
      fc.jsonValue().map((value) => bytesOf(JSON.stringify(value))),
      fc.array(fc.jsonValue()).map((value) => encode(value)),
    );
    fc.assert(
      fc.property(data, (bytes) => {
        const type = guessType(bytes);
        const value = entryOf(bytes).value();
        if (type === "application/json") expect(value).toEqual(JSON.parse(new TextDecoder().decode(bytes)));
        else if (type === "text/plain") expect(typeof value).toBe("string");
        else if (type !== "application/msgpack") expect(value).toEqual(bytes);
      }),
    );
  });
});
