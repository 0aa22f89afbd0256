import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/domain/errors.ts";
import type { StreamEntries } from "../../src/domain/streams/entry.ts";
import type { EntryId } from "../../src/domain/streams/entry-id.ts";
import {
  asciiJson,
  encodeHeader,
  type PushOffsets,
  parsePushHeader,
  splitPayload,
} from "../../src/wire/header.ts";
import type { PushedEntry } from "../../src/wire/push-batch.ts";
import { payload as anyPayload, plainStreams } from "../support/data/arbitraries.ts";
import { rejectionOf } from "../support/rejection.ts";

const MOST = 10;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** Decodes a header and its payload to `stream id payload` lines. */
function pushed(
  header: string,
  payload: string,
  { streams = ["s"], offsets = "auto" }: { streams?: string[]; offsets?: PushOffsets } = {},
): string[] {
  const entries = splitPayload(parsePushHeader(header, streams, MOST), bytes(payload), offsets);
  return entries.map(({ stream, id, data }) => `${stream} ${id} ${text(data)}`);
}

describe("a header of byte offsets, `[end, …]`", () => {
  test("pushes all entries to the one stream of the URL", () => {
    expect(pushed("[3]", "abc")).toEqual(["s * abc"]);
    expect(pushed("[1,3,6]", "abbccc")).toEqual(["s * a", "s * bb", "s * ccc"]);
    expect(pushed(" [ 1 , 3 ]\n", "abb")).toEqual(["s * a", "s * bb"]);
  });

  test("pushes the i-th entry to the i-th stream of the URL", () => {
    expect(pushed("[1,3]", "abb", { streams: ["x", "y"] })).toEqual(["x * a", "y * bb"]);
    expect(pushed("[0,1]", "abb", { streams: ["x", "y"] })).toEqual(["x * a", "y * bb"]);
    expect(pushed("[3]", "abb", { streams: ["x"] })).toEqual(["x * abb"]);
  });

  test("accepts empty entries, in between and at the end", () => {
    expect(pushed("[1,1,2,2]", "ab")).toEqual(["s * a", "s * ", "s * b", "s * "]);
  });

  test("counts bytes, not characters", () => {
    expect(pushed("[2,5]", "ü雪")).toEqual(["s * ü", "s * 雪"]);
  });

  test("takes offsets as ends, or as starts if the first is 0", () => {
    expect(pushed("[0]", "abc")).toEqual(["s * abc"]);
    expect(pushed("[0,1,3]", "abbccc")).toEqual(["s * a", "s * bb", "s * ccc"]);
    expect(pushed("[0,0,3]", "abc")).toEqual(["s * ", "s * abc", "s * "]);
    expect(pushed("[0]", "")).toEqual(["s * "]);
  });

  test("follows `offsets=end` and `offsets=start`", () => {
    expect(pushed("[0,1]", "abb", { offsets: "start" })).toEqual(["s * a", "s * bb"]);
    expect(pushed("[1,3]", "abb", { offsets: "end" })).toEqual(["s * a", "s * bb"]);
  });

  test("accepts an empty first entry with `offsets=end`", () => {
    expect(pushed("[0,3]", "abc", { offsets: "end" })).toEqual(["s * ", "s * abc"]);
    expect(pushed("[0,3]", "abc", { offsets: "auto" })).toEqual(["s * abc", "s * "]);
    expect(pushed("[0,0,3]", "abc", { offsets: "end" })).toEqual(["s * ", "s * ", "s * abc"]);
    expect(pushed("[0]", "", { offsets: "end" })).toEqual(["s * "]);
  });
});

describe("a header with stream and entry id, `[[stream_id, end], …]` or `[[stream_id, entry_id, end], …]`", () => {
  test("reads the stream of each entry", () => {
    expect(pushed('[["x",1],["y",3],["x",3]]', "abb")).toEqual(["x * a", "y * bb", "x * "]);
    expect(pushed('[["x",0],["y",1]]', "abb")).toEqual(["x * a", "y * bb"]);
  });

  test("mixes entries with and without id", () => {
    expect(pushed('[["x","5-1",1],["y",2],["x",null,3]]', "abc")).toEqual(["x 5-1 a", "y * b", "x * c"]);
  });

  test("ignores the streams of the URL", () => {
    for (const streams of [["*"], ["s"], ["x", "y", "z"]])
      expect(pushed('[["x",1],["y",3]]', "abb", { streams })).toEqual(["x * a", "y * bb"]);
  });

  test.each([
    ["null", "*"],
    ['""', "*"],
    ['"*"', "*"],
    ["5", "5-0"],
    ["1700000000123", "1700000000123-0"],
    ["9007199254740991", "9007199254740991-0"],
    ['"5"', "5-0"],
    ['"5-7"', "5-7"],
    ['"005-007"', "5-7"],
    ['"5-*"', "5-*"],
    ['"0-*"', "0-*"],
    ['"0-1"', "0-1"],
    ['"18446744073709551615-18446744073709551615"', "18446744073709551615-18446744073709551615"],
    ['"18446744073709551615-*"', "18446744073709551615-*"],
  ])("entry id %s requests %s from Redis", (id, wanted) => {
    expect(pushed(`[["x",${id},1]]`, "a")).toEqual([`x ${wanted} a`]);
  });

  test.each([
    "0",
    "-5",
    "1.5",
    "1e300",
    "9007199254740992",
    "true",
    "{}",
    "[]",
    '"0"',
    '"0-0"',
    '"-"',
    '"$"',
    '"+"',
    '"5-"',
    '"-5"',
    '"*-5"',
    '"5-*-"',
    '" 5"',
    '"18446744073709551616"',
    '"18446744073709551616-*"',
    '"5-18446744073709551616"',
    '"five"',
  ])("rejects entry id %s", (id) => {
    expect(rejectionOf(() => pushed(`[["x",${id},1]]`, "a"))).toMatch(
      /^BAD_HEADER: entry id must be <ms>-<seq> above 0-0, milliseconds, "\*" or null, got .+$/,
    );
  });

  test.each(["1", "null", '""', "{}", "[]", "true"])("rejects stream id %s", (stream) => {
    expect(rejectionOf(() => pushed(`[[${stream},1]]`, "a"))).toMatch(
      /^BAD_HEADER: stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got .+$/,
    );
  });
});

describe("an empty header, `[]`: the whole payload is one entry", () => {
  test.each(["auto", "end", "start"] as const)("with offsets=%s", (offsets) => {
    expect(pushed("[]", "abc", { offsets })).toEqual(["s * abc"]);
    expect(pushed("[]", "", { offsets })).toEqual(["s * "]);
  });

  test("rejects an empty header if the URL names several streams", () => {
    expect(rejectionOf(() => pushed("[]", "abc", { streams: ["x", "y"] }))).toBe(
      "BAD_HEADER: header [] requires one stream in the URL, got 2",
    );
  });
});

describe("rejects a malformed header, and offsets that descend, exceed the payload or do not cover it", () => {
  test.each([
    ["", "header is not valid JSON"],
    ["[", "header is not valid JSON"],
    ["[1", "header is not valid JSON"],
    ["[1,]", "header is not valid JSON"],
    ["[1]]", "header is not valid JSON"],
    ["[1] [2]", "header is not valid JSON"],
    ["['s']", "header is not valid JSON"],
    ["[01]", "header is not valid JSON"],
    ["[+1]", "header is not valid JSON"],
    ["[0x1]", "header is not valid JSON"],
    ["[NaN]", "header is not valid JSON"],
    ["\u0000", "header is not valid JSON"],
    ["hello", "header is not valid JSON"],
    ["{}", "header must be a JSON list, got {…}"],
    ["3", "header must be a JSON list, got 3"],
    ['"[3]"', 'header must be a JSON list, got "[3]"'],
    ["null", "header must be a JSON list, got null"],
    ["true", "header must be a JSON list, got true"],
    ["[-1]", "header offset must be a non-negative integer, got -1"],
    ["[1.5]", "header offset must be a non-negative integer, got 1.5"],
    ["[1e400]", "header offset must be a non-negative integer, got Infinity"],
    ["[9007199254740993]", "header offset must be a non-negative integer, got 9007199254740992"],
    ['["3"]', 'header offset must be a non-negative integer, got "3"'],
    ["[null]", "header offset must be a non-negative integer, got null"],
    ["[true]", "header offset must be a non-negative integer, got true"],
    ["[{}]", "header offset must be a non-negative integer, got {…}"],
    ['[1,["s",3]]', 'header offset must be a non-negative integer, got ["s",3]'],
    ['[["s",1],3]', "header item 1 must be [stream_id, end] or [stream_id, entry_id, end], got 3"],
    ['[["s",1],{}]', "header item 1 must be [stream_id, end] or [stream_id, entry_id, end], got {…}"],
    ["[[]]", "header item 0 must be [stream_id, end] or [stream_id, entry_id, end], got []"],
    ['[["s"]]', 'header item 0 must be [stream_id, end] or [stream_id, entry_id, end], got ["s"]'],
    [
      '[["s","5-1",3,3]]',
      'header item 0 must be [stream_id, end] or [stream_id, entry_id, end], got ["s","5-1",3,3]',
    ],
    ['[["s","3"]]', 'header offset must be a non-negative integer, got "3"'],
    ['[["s","5-1",null]]', "header offset must be a non-negative integer, got null"],
    ['[["s",3,"5-1"]]', 'header offset must be a non-negative integer, got "5-1"'],
    ["[3,1,3]", "header offsets must ascend, got 1 after 3"],
    ["[0,3,1]", "header offsets must ascend, got 1 after 3"],
    ['[["s",2],["t",1]]', "header offsets must ascend, got 1 after 2"],
    ["[4]", "offset 4 is past the end of the payload (3 bytes)"],
    ["[1,4]", "offset 4 is past the end of the payload (3 bytes)"],
    ["[0,4]", "offset 4 is past the end of the payload (3 bytes)"],
    ["[9007199254740991]", "offset 9007199254740991 is past the end of the payload (3 bytes)"],
    ["[2]", "the last offset must be the payload length 3, got 2"],
    ["[1,2]", "the last offset must be the payload length 3, got 2"],
    ['[["s",1]]', "the last offset must be the payload length 3, got 1"],
  ])("%s", (header, problem) => {
    expect(rejectionOf(() => pushed(header, "abc"))).toBe(`BAD_HEADER: ${problem}`);
  });

  test("takes a first 0 as the end of an empty entry with `offsets=end`", () => {
    expect(rejectionOf(() => pushed("[0]", "abc", { offsets: "end" }))).toBe(
      "BAD_HEADER: the last offset must be the payload length 3, got 0",
    );
  });

  test("requires a first offset of 0 with `offsets=start`", () => {
    expect(rejectionOf(() => pushed("[1,2]", "abc", { offsets: "start" }))).toBe(
      "BAD_HEADER: the first start offset must be 0, got 1",
    );
  });

  test("requires one offset per stream of the URL, unless it has one stream", () => {
    expect(rejectionOf(() => pushed("[1,2,3]", "abc", { streams: ["x", "y"] }))).toBe(
      "BAD_HEADER: header must have one offset per stream of the URL (2), got 3",
    );
    expect(rejectionOf(() => pushed("[3]", "abc", { streams: ["x", "y"] }))).toBe(
      "BAD_HEADER: header must have one offset per stream of the URL (2), got 1",
    );
  });

  test("rejects a batch over the limit", () => {
    const offsets = (count: number) => JSON.stringify(Array.from({ length: count }, () => 0));
    expect(pushed(offsets(MOST), "")).toHaveLength(MOST);
    expect(rejectionOf(() => pushed(offsets(MOST + 1), ""))).toBe(
      "TOO_LARGE: a batch must have at most 10 entries, got 11",
    );
  });

  test("truncates the invalid value in the error", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    for (const header of [
      `["${"x".repeat(100_000)}"]`,
      `[[${deep},1]]`,
      `[1,${deep}]`,
      `["${"\u0001".repeat(999)}"]`,
    ]) {
      const rejection = rejectionOf(() => pushed(header, "abc"));
      expect(rejection).toMatch(/^(BAD_HEADER|TOO_LARGE): /);
      expect(rejection.length).toBeLessThan(200);
    }
  });
});

describe("property: splits a payload into the sent entries", () => {
  const flat = (streams: readonly StreamEntries[]): PushedEntry[] =>
    streams.flatMap(({ stream, entries }) => entries.map(({ id, data }) => ({ stream, id, data })));
  const joined = (streams: readonly StreamEntries[]): Uint8Array =>
    new Uint8Array(Buffer.concat(flat(streams).map(({ data }) => data)));
  const returned = (streams: readonly StreamEntries[], side: "start" | "end", read: PushOffsets) =>
    splitPayload(parsePushHeader(encodeHeader(streams, side), ["*"], 1000), joined(streams), read);

  test.each(["start", "end"] as const)("a pulled header with offsets=%s pushes the same entries", (side) => {
    fc.assert(
      fc.property(plainStreams, (streams) => {
        expect(returned(streams, side, side)).toEqual(flat(streams));
      }),
    );
  });

  test("with offsets=auto, for starts, and for ends if the first entry is not empty", () => {
    fc.assert(
      fc.property(plainStreams, (streams) => {
        expect(returned(streams, "start", "auto")).toEqual(flat(streams));
        if (flat(streams)[0]?.data.length !== 0)
          expect(returned(streams, "end", "auto")).toEqual(flat(streams));
      }),
    );
  });
});

describe("fuzz: rejects a message with an error, or stores each byte in exactly one entry", () => {
  const offset = fc.oneof(fc.nat({ max: 12 }), fc.jsonValue({ maxDepth: 1 }), fc.integer(), fc.double());
  const id = fc.oneof(fc.constantFrom(null, "", "*", "5-*", "5-1", "0-0"), fc.nat(), fc.string());
  const item = fc.oneof(
    offset,
    fc.tuple(fc.string(), offset),
    fc.tuple(fc.string(), id, offset),
    fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }),
  );
  const nearly = fc.array(item, { maxLength: 5 }).map((header) => JSON.stringify(header));
  const ascending = fc
    .array(fc.nat({ max: 12 }), { maxLength: 6 })
    .map((offsets) => JSON.stringify(offsets.sort((a, b) => a - b)));
  const broken = fc.tuple(nearly, fc.nat(), fc.string({ maxLength: 3 })).map(([header, at, put]) => {
    const position = at % (header.length + 1);
    return header.slice(0, position) + put + header.slice(position + put.length);
  });
  const header = fc.oneof(nearly, ascending, broken, fc.json(), fc.string());
  const sides = fc.constantFrom<PushOffsets>("auto", "start", "end");
  const urlStreams = fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 3 });

  test("thousands of headers", () => {
    let taken = 0;
    fc.assert(
      fc.property(header, anyPayload, urlStreams, sides, (text, payload, streams, offsets) => {
        let entries: PushedEntry[];
        try {
          entries = splitPayload(parsePushHeader(text, streams, MOST), payload, offsets);
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect((error as GatewayError).message.length).toBeLessThan(200);
          return;
        }
        taken++;
        expect(Buffer.concat(entries.map(({ data }) => data))).toEqual(Buffer.from(payload));
        expect(entries.length).toBeGreaterThan(0);
        for (const { stream } of entries) expect(stream).not.toBe("");
      }),
      { numRuns: 5000 },
    );
    // Guards against generators that only produce rejected messages.
    expect(taken).toBeGreaterThan(100);
  });
});

describe("encodeHeader", () => {
  const entry = (id: string, data: string) => ({ id: id as EntryId, data: bytes(data) });
  const streams = [
    { stream: "a", entries: [entry("1-0", "one"), entry("2-0", "")] },
    { stream: 'b"\n雪', entries: [entry("18446744073709551615-18446744073709551615", "three")] },
  ];

  test("gives the start of each entry", () => {
    expect(encodeHeader(streams, "start")).toBe(
      '[["a","1-0",0],["a","2-0",3],["b\\"\\n雪","18446744073709551615-18446744073709551615",3]]',
    );
  });

  test("gives the end of each entry with `offsets=end`", () => {
    expect(encodeHeader(streams, "end")).toBe(
      '[["a","1-0",3],["a","2-0",3],["b\\"\\n雪","18446744073709551615-18446744073709551615",8]]',
    );
  });

  test("encodes no entries as `[]`", () => {
    expect(encodeHeader([], "start")).toBe("[]");
    expect(encodeHeader([], "end")).toBe("[]");
  });
});

describe("asciiJson", () => {
  test.each([
    ['[["a","1-0",0]]', '[["a","1-0",0]]'],
    ['["ü"]', '["\\u00fc"]'],
    ['["雪"]', '["\\u96ea"]'],
    ['["😀"]', '["\\ud83d\\ude00"]'],
    ['["\u007f\u0080\u2028\ufeff\uffff"]', '["\\u007f\\u0080\\u2028\\ufeff\\uffff"]'],
  ])("%s", (json, ascii) => {
    expect(asciiJson(json)).toBe(ascii);
  });

  test("property: gives printable ASCII with the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const ascii = asciiJson(JSON.stringify(value));
        expect(ascii).toMatch(/^[ -~]*$/);
        expect(JSON.parse(ascii)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
