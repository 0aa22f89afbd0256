import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { decodeJson, encodeJson, encodeJsonEntry } from "../../../src/wire/json/json.ts";
import type { PushedEntry } from "../../../src/wire/push-batch.ts";
import { streamsWithFields } from "../../support/data/arbitraries.ts";
import { rejectionOf } from "../../support/rejection.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const entry = (id: string, data: Uint8Array, fields?: Entry["fields"]): Entry => ({
  id: id as EntryId,
  data,
  ...(fields !== undefined && { fields }),
});
const decode = (text: string) => decodeJson(text, 10);

describe('encodes a payload as a string if it is UTF-8, else as `{"base64": "…"}`', () => {
  test.each<[string, Uint8Array, string]>([
    ["text", bytes('say "hi"\n'), '"say \\"hi\\"\\n"'],
    ["other alphabets", bytes("ü雪😀"), '"ü雪😀"'],
    ["nothing", bytes(""), '""'],
    ["a byte order mark, which belongs to the payload", Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), '"\ufeffa"'],
    ["a control character", Uint8Array.of(0), '"\\u0000"'],
    ["bytes", Uint8Array.of(0xff, 0xd8, 0xff), '{"base64":"/9j/"}'],
    ["half a letter", Uint8Array.of(0x61, 0xc3), '{"base64":"YcM="}'],
    ["a surrogate, which UTF-8 has none of", Uint8Array.of(0xed, 0xa0, 0x80), '{"base64":"7aCA"}'],
    ["a letter in more bytes than it needs", Uint8Array.of(0xc0, 0x80), '{"base64":"wIA="}'],
  ])("%s", (_, data, json) => {
    expect(encodeJson([{ stream: "s", entries: [entry("1-0", data)] }])).toBe(`[["s","1-0",${json}]]`);
    expect(decode(`[["s","1-0",${json}]]`)).toEqual([{ stream: "s", id: "1-0", data }]);
  });

  test("encodes further fields as an object in the fourth element", () => {
    const fields = new Map([
      ["n", bytes("7")],
      ['"', Uint8Array.of(0xff)],
    ]);
    const json = '[["s","1-0","x",{"n":"7","\\"":{"base64":"/w=="}}]]';
    expect(encodeJson([{ stream: "s", entries: [entry("1-0", bytes("x"), fields)] }])).toBe(json);
    expect(decode(json)).toEqual([{ stream: "s", id: "1-0", data: bytes("x"), fields }]);
  });

  test("encodes several streams as one list, and no entries as an empty list", () => {
    const streams = [
      { stream: "a", entries: [entry("1-0", bytes("1")), entry("1-1", bytes("2"))] },
      { stream: "b\n", entries: [entry("18446744073709551615-0", bytes("3"))] },
    ];
    expect(encodeJson(streams)).toBe(
      '[["a","1-0","1"],["a","1-1","2"],["b\\n","18446744073709551615-0","3"]]',
    );
    expect(encodeJson([])).toBe("[]");
    expect(decode("[]")).toEqual([]);
  });

  test("encodes one entry as one line", () => {
    expect(encodeJsonEntry("a\n", entry("1-0", bytes("x\n")))).toBe('["a\\n","1-0","x\\n"]');
  });
});

describe("a pushed batch", () => {
  test("may omit ids and fields", () => {
    expect(decode('[["s",null,"a"],["s","*","b",null],["s",5,"c",{}],["s","5-*","d"]]')).toEqual([
      { stream: "s", id: "*", data: bytes("a") },
      { stream: "s", id: "*", data: bytes("b") },
      { stream: "s", id: "5-0", data: bytes("c") },
      { stream: "s", id: "5-*", data: bytes("d") },
    ]);
  });

  test("may contain base64, with or without padding", () => {
    const data = bytes("a");
    expect(decode('[["s",null,{"base64":"YQ=="}],["s",null,{"base64":"YQ"}]]')).toEqual([
      { stream: "s", id: "*", data },
      { stream: "s", id: "*", data },
    ]);
  });

  test("may contain a field named `__proto__`", () => {
    const [pushed] = decode('[["s",null,"",{"__proto__":"x"}]]');
    expect(pushed?.fields).toEqual(new Map([["__proto__", bytes("x")]]));
  });
});

describe("rejects invalid batches with the reason", () => {
  test.each([
    ["", "the message is not valid JSON"],
    ['[["s",null,"x"]', "the message is not valid JSON"],
    ["{}", "a batch must be a list of entries, [[stream_id, entry_id, payload], …], got {…}"],
    ['"s"', 'a batch must be a list of entries, [[stream_id, entry_id, payload], …], got "s"'],
    ["null", "a batch must be a list of entries, [[stream_id, entry_id, payload], …], got null"],
    ['["s",null,"x"]', 'entry 0 must be [stream_id, entry_id, payload], got "s"'],
    ['[["s",null,"x"],["s","x"]]', 'entry 1 must be [stream_id, entry_id, payload], got ["s","x"]'],
    ['[["s",null,"x",{},1]]', 'entry 0 must be [stream_id, entry_id, payload], got ["s",null,"x",{…},…]'],
    ['[["",null,"x"]]', 'stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got ""'],
    ['[[5,null,"x"]]', "stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got 5"],
    ['[["s","x-y","x"]]', 'entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got "x-y"'],
    ['[["s",null,5]]', 'the payload of entry 0 must be a string or {"base64": "…"}, got 5'],
    ['[["s",null,null]]', 'the payload of entry 0 must be a string or {"base64": "…"}, got null'],
    ['[["s",null,["x"]]]', 'the payload of entry 0 must be a string or {"base64": "…"}, got ["x"]'],
    ['[["s",null,{"base64":5}]]', 'the payload of entry 0 must be a string or {"base64": "…"}, got {…}'],
    ['[["s",null,{"base64":"?"}]]', 'the payload of entry 0 must be a string or {"base64": "…"}, got {…}'],
    ['[["s",null,{"hex":"00"}]]', 'the payload of entry 0 must be a string or {"base64": "…"}, got {…}'],
    ['[["s",null,"x","y"]]', 'the fields of entry 0 must be a map, got "y"'],
    ['[["s",null,"x",[]]]', "the fields of entry 0 must be a map, got []"],
    ['[["s",null,"x",{"n":7}]]', 'field "n" of entry 0 must be a string or {"base64": "…"}, got 7'],
    ['[["s",null,"x",{"d":"y"}]]', 'entry 0 must not have a field "d": it is the name of the payload'],
  ])("%s", (text, problem) => {
    expect(rejectionOf(() => decode(text))).toBe(`BAD_HEADER: ${problem}`);
  });

  test("rejects a batch over the limit", () => {
    const batch = (count: number) => JSON.stringify(Array.from({ length: count }, () => ["s", null, ""]));
    expect(decode(batch(10))).toHaveLength(10);
    expect(rejectionOf(() => decode(batch(11)))).toBe(
      "TOO_LARGE: a batch must have at most 10 entries, got 11",
    );
  });
});

test("property: decodes encoded entries", () => {
  fc.assert(
    fc.property(streamsWithFields, (streams) => {
      const flat = streams.flatMap(({ stream, entries }) => entries.map((one) => ({ stream, ...one })));
      expect(decodeJson(encodeJson(streams), 1000)).toEqual(flat);
      const lines = streams.flatMap(({ stream, entries }) =>
        entries.flatMap((one) => decodeJson(`[${encodeJsonEntry(stream, one)}]`, 1)),
      );
      expect(lines).toEqual(flat);
    }),
  );
});

test("fuzz: rejects any JSON with an error, or decodes it", () => {
  const item = fc.oneof(
    fc.tuple(fc.string(), fc.constantFrom(null, "*", 5), fc.string()),
    fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 1 }), fc.jsonValue({ maxDepth: 2 }), fc.jsonValue()),
    fc.jsonValue(),
  );
  const text = fc.oneof(
    fc.array(item, { maxLength: 12 }).map((batch) => JSON.stringify(batch)),
    fc.json(),
  );
  fc.assert(
    fc.property(text, (json) => {
      let entries: PushedEntry[];
      try {
        entries = decode(json);
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
        return;
      }
      expect(entries).toHaveLength(JSON.parse(json).length);
    }),
    { numRuns: 2000 },
  );
});
