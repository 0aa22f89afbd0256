import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StreamerError } from "../../../client/errors.ts";
import { decodeBatch, encodeBatch } from "../../../client/reading/msgpack.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { decodeMsgpack } from "../../../src/wire/msgpack/msgpack.ts";
import { anyString } from "../../support/data/any-string.ts";
import { wholeMsgpack } from "../../support/data/whole-msgpack.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const text = anyString({ maxLength: 20 });
const id = fc
  .tuple(fc.bigInt(1n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 64n - 1n))
  .map(([ms, seq]) => `${ms}-${seq}`);
const name = text.filter((one) => one !== "");
const fieldName = fc
  .oneof(text, fc.constantFrom("__proto__", "constructor", "n"))
  .filter((one) => one !== "d");

describe("decoding", () => {
  test("property: returns any stream, id, payload and fields as stored", () => {
    const entry = fc.record({
      stream: name,
      id,
      data: bytes,
      fields: fc.option(fc.array(fc.tuple(fieldName, bytes), { minLength: 1, maxLength: 4 }), {
        nil: undefined,
      }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const expected = entries.map(({ fields, ...rest }) => ({
          ...rest,
          ...(fields !== undefined && { fields: new Map(fields) }),
        }));
        const message = wholeMsgpack(
          expected.map(({ stream, ...one }) => ({ stream, entries: [{ ...one, id: one.id as EntryId }] })),
        );
        expect(decodeBatch(message)).toEqual(expected);
      }),
    );
  });

  test("matches docs/protocol.md byte for byte: an array of arrays, payload as bin, fields as a map", () => {
    const message = Uint8Array.of(
      ...[0x92, 0x93, 0xa1, 0x73, 0xa3, 0x31, 0x2d, 0x30, 0xc4, 0x02, 0xff, 0x00],
      ...[0x94, 0xa1, 0x73, 0xa3, 0x32, 0x2d, 0x30, 0xc4, 0x00, 0x81, 0xa1, 0x6e, 0xa1, 0x37],
    );
    expect(decodeBatch(message)).toEqual([
      { stream: "s", id: "1-0", data: Uint8Array.of(0xff, 0) },
      { stream: "s", id: "2-0", data: new Uint8Array(), fields: new Map([["n", Uint8Array.of(0x37)]]) },
    ]);
  });

  test("decodes an empty batch", () => {
    expect(decodeBatch(Uint8Array.of(0x90))).toEqual([]);
  });
});

describe("encoding", () => {
  test("property: the gateway decodes any stream, payload and fields, with and without an id", () => {
    const entry = fc.record({
      stream: name,
      id: fc.option(id, { nil: undefined }),
      data: bytes,
      fields: fc.option(
        fc.dictionary(
          text.filter((name) => name !== "d" && name !== "__proto__"),
          fc.oneof(bytes, text),
          { minKeys: 1, maxKeys: 4 },
        ),
        { nil: undefined },
      ),
    });
    const textBytes = (value: string | Uint8Array) =>
      typeof value === "string" ? new TextEncoder().encode(value) : value;
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const expected = entries.map(({ stream, id: own, data, fields }) => ({
          stream,
          id: own ?? "*",
          data,
          ...(fields !== undefined && {
            fields: new Map(Object.entries(fields).map(([name, value]) => [name, textBytes(value)])),
          }),
        }));
        expect(decodeMsgpack(encodeBatch(entries), 100)).toEqual(expected);
      }),
    );
  });
});

test.each([
  ["no MessagePack", Uint8Array.of(0xc1)],
  ["nothing", new Uint8Array()],
  ["no list", encode("text")],
  ["a list of something else", encode([1])],
  ["an entry without a payload", encode([["s", "1-0"]])],
  ["an entry without an id", encode([["s", null, new Uint8Array()]])],
  ["fields that are no map", encode([["s", "1-0", new Uint8Array(), 5]])],
  ["a field that is a number", encode([["s", "1-0", new Uint8Array(), { n: 5 }]])],
  ["a length that lies", Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)],
])("rejects %s with a final typed error", (_what, message) => {
  expect(() => decodeBatch(message)).toThrow(StreamerError);
  expect(() => decodeBatch(message)).toThrow(
    expect.objectContaining({ code: "BAD_MESSAGE", retryable: false }),
  );
});
