import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { decodeMsgpack, decodePulledNotice, encodeMsgpackNotice } from "../../../src/wire/msgpack/msgpack.ts";
import { readMsgpackValue } from "../../../src/wire/msgpack/msgpack-reader.ts";
import { gapOf } from "../../../src/wire/notices/gap-notice.ts";
import type { PushedEntry } from "../../../src/wire/push-batch.ts";
import { anyText, streamsWithFields } from "../../support/data/arbitraries.ts";
import { wholeMsgpack } from "../../support/data/whole-msgpack.ts";
import { rejectionOf } from "../../support/rejection.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const id = (text: string) => text as EntryId;
const decode = (message: Uint8Array) => decodeMsgpack(message, 10);

describe("a MessagePack array of `[stream_id, entry_id, payload]`", () => {
  test("encodes the bytes that Python's msgpack.unpackb reads", () => {
    const fields = new Map([["n", Uint8Array.of(7)]]);
    const message = wholeMsgpack([
      {
        stream: "s",
        entries: [
          { id: id("1-0"), data: Uint8Array.of(0xff, 0) },
          { id: id("5-18446744073709551615"), data: bytes(""), fields },
        ],
      },
      { stream: "雪", entries: [{ id: id("5-6"), data: bytes("text") }] },
    ]);
    expect(message).toEqual(
      hex(
        "93 93 a1 73 a3 31 2d 30 c4 02 ff 00" +
          "94 a1 73 b6 35 2d 31 38 34 34 36 37 34 34 30 37 33 37 30 39 35 35 31 36 31 35 c4 00 81 a1 6e c4 01 07" +
          "93 a3 e9 9b aa a3 35 2d 36 c4 04 74 65 78 74",
      ),
    );
  });

  test("decodes the bytes that Python's msgpack.packb writes", () => {
    // [["s","1-0",b"\xff\x00"], ["ü",None,b""], ["s","2-*","text"], ["s",1700000000123,b"x",{"n":b"\x07","unit":"m"}]]
    const message = hex(
      "94 93 a1 73 a3 31 2d 30 c4 02 ff 00 93 a2 c3 bc c0 c4 00 93 a1 73 a3 32 2d 2a a4 74 65 78 74" +
        "94 a1 73 cf 00 00 01 8b cf e5 68 7b c4 01 78 82 a1 6e c4 01 07 a4 75 6e 69 74 a1 6d",
    );
    expect(decode(message)).toEqual([
      { stream: "s", id: "1-0", data: Uint8Array.of(0xff, 0) },
      { stream: "ü", id: "*", data: bytes("") },
      { stream: "s", id: "2-*", data: bytes("text") },
      {
        stream: "s",
        id: "1700000000123-0",
        data: bytes("x"),
        fields: new Map([
          ["n", Uint8Array.of(7)],
          ["unit", bytes("m")],
        ]),
      },
    ]);
  });

  test("decodes texts of the same length", () => {
    const batch = ["ab", "cd", "ab", "ae"].map((stream) => ({
      stream,
      entries: [{ id: id("5-6"), data: bytes("x"), fields: new Map([["ab", bytes(stream)]]) }],
    }));
    expect(decode(wholeMsgpack(batch)).map(({ stream, fields }) => [stream, fields])).toEqual(
      batch.map(({ stream, entries: [entry] }) => [stream, entry?.fields]),
    );
  });

  test("encodes and decodes an empty batch", () => {
    expect(wholeMsgpack([])).toEqual(hex("90"));
    expect(decode(hex("90"))).toEqual([]);
  });
});

describe("accepts every MessagePack representation in pushed batches", () => {
  test.each([
    ["fixarray, fixstr, bin 8", "91 93 a1 73 c0 c4 01 78"],
    ["array 16, str 8, bin 16", "dc 00 01 dc 00 03 d9 01 73 c0 c5 00 01 78"],
    ["array 32, str 16, bin 32", "dd 00 00 00 01 dd 00 00 00 03 da 00 01 73 c0 c6 00 00 00 01 78"],
    ["str 32 and a str for a payload", "91 93 db 00 00 00 01 73 c0 a1 78"],
    ["no fields, as nil", "91 94 a1 73 c0 a1 78 c0"],
    ["no fields, as an empty map", "91 94 a1 73 c0 a1 78 80"],
  ])("%s", (_, message) => {
    expect(decode(hex(message))).toEqual([{ stream: "s", id: "*", data: bytes("x") }]);
  });

  test.each([
    ["fixmap", "81 a1 6e c4 01 37"],
    ["map 16", "de 00 01 d9 01 6e a1 37"],
    ["map 32", "df 00 00 00 01 a1 6e d9 01 37"],
  ])("fields as %s", (_, map) => {
    expect(decode(hex(`91 94 a1 73 c0 a1 78 ${map}`))[0]?.fields).toEqual(new Map([["n", bytes("7")]]));
  });

  test.each([
    ["positive fixint", "05", "5-0"],
    ["uint 8", "cc ff", "255-0"],
    ["uint 16", "cd ff ff", "65535-0"],
    ["uint 32", "ce ff ff ff ff", "4294967295-0"],
    ["uint 64", "cf 00 20 00 00 00 00 00 01", "9007199254740993-0"],
    ["uint 64, the greatest", "cf ff ff ff ff ff ff ff ff", "18446744073709551615-0"],
    ["int 8", "d0 7f", "127-0"],
    ["int 16", "d1 7f ff", "32767-0"],
    ["int 32", "d2 7f ff ff ff", "2147483647-0"],
    ["int 64", "d3 7f ff ff ff ff ff ff ff", "9223372036854775807-0"],
    ["float 64 of a whole number", "cb 40 14 00 00 00 00 00 00", "5-0"],
  ])("milliseconds as %s, to the last digit", (_, number, wanted) => {
    expect(decode(hex(`91 93 a1 73 ${number} a1 78`))[0]?.id).toBe(wanted);
  });

  test("keeps the bytes of a str payload that is not UTF-8, as old libraries send it", () => {
    expect(decode(hex("91 93 a1 73 c0 a4 ff d8 ff 00"))[0]?.data).toEqual(hex("ff d8 ff 00"));
    expect(decode(hex("91 93 a1 73 c0 a4 ef bb bf 61"))[0]?.data).toEqual(hex("ef bb bf 61"));
  });

  test("accepts a field named `__proto__`", () => {
    const message = wholeMsgpack([
      {
        stream: "s",
        entries: [{ id: id("1-0"), data: bytes(""), fields: new Map([["__proto__", bytes("x")]]) }],
      },
    ]);
    expect(decode(message)[0]?.fields).toEqual(new Map([["__proto__", bytes("x")]]));
  });

  test("decodes a view of a larger buffer", () => {
    const memory = hex("ff ff 91 93 a1 73 05 c4 01 78 ff ff");
    expect(decode(memory.subarray(2, 10))).toEqual([{ stream: "s", id: "5-0", data: bytes("x") }]);
  });
});

describe("rejects invalid messages with the reason", () => {
  const NONE = "the message is not valid MessagePack: ";

  test.each([
    ["", `${NONE}it ends inside a value`],
    ["91", `${NONE}it ends inside a value`],
    ["91 93 a1 73 c0 c4 02 78", `${NONE}it ends inside a value`],
    ["91 93 a1 73 c0 c4 01 78 c0", `${NONE}1 bytes follow the value`],
    ["c1", `${NONE}0xc1 is not a type`],
    ["d6 ff 00 00 00 00", `${NONE}extension types are not supported`],
    ["c7 00 01", `${NONE}extension types are not supported`],
    ["91 94 a1 73 c0 a1 78 81 05 a1 37", `${NONE}a field name must be a string, got 5`],
    ["91 94 a1 73 c0 a1 78 81 a1 ff a1 37", `${NONE}a field name must be a string, got 1 bytes`],
    ["91 94 a1 73 c0 a1 78 82 a1 6e a1 31 a1 6e a1 32", `${NONE}duplicate field "n"`],
    ["91 93 a1 73 c0 91 91 91 05", `${NONE}it nests deeper than 4 levels`],
    ["91 94 a1 73 c0 a1 78 81 a1 6e 91 80", `${NONE}it nests deeper than 4 levels`],
    ["80", "a batch must be a list of entries, [[stream_id, entry_id, payload], …], got {…}"],
    ["c0", "a batch must be a list of entries, [[stream_id, entry_id, payload], …], got null"],
    ["c4 01 78", "a batch must be a list of entries, [[stream_id, entry_id, payload], …], got 1 bytes"],
    ["93 a1 73 c0 c4 01 78", 'entry 0 must be [stream_id, entry_id, payload], got "s"'],
    ["91 92 a1 73 c0", 'entry 0 must be [stream_id, entry_id, payload], got ["s",null]'],
    ["91 93 c4 01 73 c0 a1 78", "stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got 1 bytes"],
    ["91 93 a1 ff c0 a1 78", "stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got 1 bytes"],
    ["91 93 a0 c0 a1 78", 'stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got ""'],
    ["91 93 a1 73 c2 a1 78", 'entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got false'],
    ["91 93 a1 73 00 a1 78", 'entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got 0'],
    ["91 93 a1 73 ff a1 78", 'entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got -1'],
    [
      "91 93 a1 73 ca 3f c0 00 00 a1 78",
      'entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got 1.5',
    ],
    [
      "91 93 a1 73 d3 80 00 00 00 00 00 00 00 a1 78",
      'entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got -9223372036854775808',
    ],
    ["91 93 a1 73 c0 05", "the payload of entry 0 must be bin or str, got 5"],
    ["91 93 a1 73 c0 c0", "the payload of entry 0 must be bin or str, got null"],
    ["91 93 a1 73 c0 91 05", "the payload of entry 0 must be bin or str, got [5]"],
    ["91 94 a1 73 c0 a1 78 a1 79", 'the fields of entry 0 must be a map, got "y"'],
    ["91 94 a1 73 c0 a1 78 c4 00", "the fields of entry 0 must be a map, got 0 bytes"],
    ["91 94 a1 73 c0 a1 78 90", "the fields of entry 0 must be a map, got []"],
    ["91 94 a1 73 c0 a1 78 81 a1 6e 07", 'field "n" of entry 0 must be bin or str, got 7'],
    ["91 94 a1 73 c0 a1 78 81 a1 64 a0", 'entry 0 must not have a field "d": it is the name of the payload'],
  ])("%s", (message, problem) => {
    expect(rejectionOf(() => decode(hex(message)))).toBe(`BAD_HEADER: ${problem}`);
  });

  test.each([11, 12, 1000])("rejects a batch of %i entries if the limit is 10", (count) => {
    const batch = encode(Array.from({ length: count }, () => ["s", null, ""]));
    expect(rejectionOf(() => decode(batch))).toBe(
      `TOO_LARGE: a batch must have at most 10 entries, got ${count}`,
    );
  });
});

describe("allocates no memory for false lengths", () => {
  const repeated = (pattern: string, times: number) => {
    const one = hex(pattern);
    const message = new Uint8Array(one.length * times);
    for (let i = 0; i < times; i++) message.set(one, i * one.length);
    return message;
  };

  test.each<[string, Uint8Array]>([
    ["a list of four billion", hex("dd ff ff ff ff")],
    ["an entry of four billion", hex("91 dd ff ff ff ff a1 73")],
    ["fields of four billion", hex("91 94 a1 73 c0 a1 78 df ff ff ff ff a1 6e a0")],
    ["a payload of four billion bytes", hex("91 93 a1 73 c0 c6 ff ff ff ff 78")],
    ["a name of four billion bytes", hex("91 93 db ff ff ff ff 73")],
    ["lists of ten in lists of ten, each of one byte", repeated("9a", 2 ** 22)],
    ["lists of 65,535 in each other", repeated("dc ff ff", 2 ** 20)],
    ["maps in each other", repeated("81 a1 6e", 2 ** 20)],
    [
      "one payload that is a list of all there is",
      Buffer.concat([hex("91 93 a1 73 c0 dd 00 40 00 00"), repeated("90", 2 ** 22)]),
    ],
    [
      "a list of ten, each a list of very many",
      Buffer.concat([hex("9a"), repeated("dd 00 00 ff ff", 2 ** 20)]),
    ],
  ])("%s", (_, message) => {
    const before = process.memoryUsage().heapUsed;
    expect(rejectionOf(() => decode(message))).toMatch(
      /^(BAD_HEADER: the message is not valid MessagePack|TOO_LARGE): /,
    );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * 2 ** 20);
  });
});

describe("gap notices", () => {
  test("property: are decoded as encoded, and never confused with a batch", () => {
    fc.assert(
      fc.property(anyText, streamsWithFields, (stream, streams) => {
        const gap = { stream, after: "1-0" as EntryId, before: "5-0" as EntryId };
        expect(decodePulledNotice(encodeMsgpackNotice(gapOf(gap)))).toEqual({ gapIn: stream });
        expect(decodePulledNotice(wholeMsgpack(streams))).toBeUndefined();
      }),
    );
  });

  test("reject any other map", () => {
    for (const other of [{}, { gap: 1 }, { gap: { stream_id: 1 } }, { stream_id: "s" }])
      expect(() => decodePulledNotice(encode(other))).toThrow(GatewayError);
    expect(decodePulledNotice(new Uint8Array())).toBeUndefined();
  });
});

describe("property", () => {
  test("decodes encoded entries", () => {
    fc.assert(
      fc.property(streamsWithFields, (streams) => {
        const flat = streams.flatMap(({ stream, entries }) => entries.map((one) => ({ stream, ...one })));
        expect(decodeMsgpack(wholeMsgpack(streams), 1000)).toEqual(flat);
      }),
    );
  });

  test("stores text payloads and fields as UTF-8", () => {
    fc.assert(
      fc.property(anyText, anyText, (payload, field) => {
        expect(decode(encode([["s", null, payload, { n: field }]]))).toEqual([
          { stream: "s", id: "*", data: bytes(payload), fields: new Map([["n", bytes(field)]]) },
        ]);
      }),
    );
  });

  test("fuzz: rejects any bytes with an error, or decodes them", () => {
    const item = fc.oneof(
      fc.tuple(fc.string(), fc.constantFrom(null, "*", 5), fc.uint8Array({ maxLength: 5 })),
      fc.anything({ maxDepth: 2, withBigInt: false }).filter((value) => typeof value !== "symbol"),
    );
    const valid = fc.array(item, { maxLength: 11 }).map((value) => {
      try {
        return encode(value);
      } catch {
        return encode(String(value));
      }
    });
    const mutated = fc.tuple(valid, fc.nat(), fc.nat({ max: 255 })).map(([message, at, byte]) => {
      const copy = message.slice();
      copy[at % copy.length] = byte;
      return copy;
    });
    const cut = fc.tuple(valid, fc.nat()).map(([message, at]) => message.subarray(0, at % message.length));
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(valid, mutated, cut, fc.uint8Array()), (message) => {
        let entries: PushedEntry[];
        try {
          entries = decode(message);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect((error as GatewayError).message.length).toBeLessThan(200);
          return;
        }
        taken++;
        expect(entries.length).toBeLessThanOrEqual(10);
        for (const { stream, data } of entries) {
          expect(stream).not.toBe("");
          expect(data).toBeInstanceOf(Uint8Array);
        }
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

describe("a payload", () => {
  test("is any value; maps become objects", () => {
    const value = { a: [1, -1, 1.5, null, true, "x".repeat(20_000)], b: { c: { d: { e: { f: [[[1]]] } } } } };
    expect(readMsgpackValue(encode(value))).toEqual(value);
    expect(readMsgpackValue(encode(2n ** 60n, { useBigInt64: true }))).toBe(2n ** 60n);
    expect(readMsgpackValue(encode(new Uint8Array([1, 2])))).toEqual(Uint8Array.of(1, 2));
  });

  test("with numbers as names has them as text, and __proto__ is a name like others", () => {
    expect(readMsgpackValue(Uint8Array.of(0x81, 0x05, 0x01))).toEqual({ 5: 1 });
    const named = readMsgpackValue(encode(JSON.parse('{"__proto__":{"x":1}}'))) as object;
    expect(Object.keys(named)).toEqual(["__proto__"]);
    expect("x" in named).toBe(false);
  });

  test.each([
    ["fixed", [0xd6, 0xff, 1, 2, 3, 4], [1, 2, 3, 4]],
    ["of one byte", [0xd4, 5, 9], [9]],
    ["of 16 bytes", [0xd8, 5, ...new Uint8Array(16).fill(1)], [...new Uint8Array(16).fill(1)]],
    ["8-bit length", [0xc7, 2, 5, 8, 9], [8, 9]],
    ["16-bit length", [0xc8, 0, 2, 5, 8, 9], [8, 9]],
    ["32-bit length", [0xc9, 0, 0, 0, 1, 5, 8], [8]],
  ])("returns the bytes of an extension: %s", (_what, message, bytes) => {
    expect(readMsgpackValue(Uint8Array.from(message))).toEqual(Uint8Array.from(bytes));
  });

  test("is limited in depth", () => {
    const nested = (depth: number) => new Uint8Array(depth).fill(0x91).fill(0x90, depth - 1);
    expect(() => readMsgpackValue(nested(200))).not.toThrow();
    expect(() => readMsgpackValue(nested(201))).toThrow(/nests deeper than 200 levels/);
    expect(() => readMsgpackValue(nested(1_000_000))).toThrow(GatewayError);
  });

  test.each([
    [[0xc1]],
    [[]],
    [[0x91]],
    [[0xc0, 0xc0]],
    [[0xc9, 0xff, 0xff, 0xff, 0xff, 0]],
    [[0xdf, 0xff, 0xff, 0xff, 0xff]],
  ])("rejects %j", (message) => {
    expect(() => readMsgpackValue(Uint8Array.from(message))).toThrow(GatewayError);
  });
});
