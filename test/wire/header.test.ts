import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StreamEntries } from "../../src/domain/entry.ts";
import type { EntryId } from "../../src/domain/entry-id.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import {
  asciiJson,
  encodeHeader,
  type PushOffsets,
  parsePushHeader,
  splitPayload,
} from "../../src/wire/header.ts";
import type { PushedEntry } from "../../src/wire/push-batch.ts";
import { payload as anyPayload, plainStreams } from "../support/arbitraries.ts";
import { refusalOf } from "../support/refusal.ts";

const MOST = 10;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** What a header and its payload store, as `stream id payload`. */
function pushed(
  header: string,
  payload: string,
  { streams = ["s"], offsets = "auto" }: { streams?: string[]; offsets?: PushOffsets } = {},
): string[] {
  const entries = splitPayload(parsePushHeader(header, streams, MOST), bytes(payload), offsets);
  return entries.map(({ stream, id, data }) => `${stream} ${id} ${text(data)}`);
}

describe("“`[end, …]`: byte offsets”", () => {
  test("“One URL stream: all entries go to it.”", () => {
    expect(pushed("[3]", "abc")).toEqual(["s * abc"]);
    expect(pushed("[1,3,6]", "abbccc")).toEqual(["s * a", "s * bb", "s * ccc"]);
    expect(pushed(" [ 1 , 3 ]\n", "abb")).toEqual(["s * a", "s * bb"]);
  });

  test("“As many URL streams as offsets: the i-th to the i-th.”", () => {
    expect(pushed("[1,3]", "abb", { streams: ["x", "y"] })).toEqual(["x * a", "y * bb"]);
    expect(pushed("[0,1]", "abb", { streams: ["x", "y"] })).toEqual(["x * a", "y * bb"]);
    expect(pushed("[3]", "abb", { streams: ["x"] })).toEqual(["x * abb"]);
  });

  test("entries may be empty, in between and at the end", () => {
    expect(pushed("[1,1,2,2]", "ab")).toEqual(["s * a", "s * ", "s * b", "s * "]);
  });

  test("offsets count bytes and not letters", () => {
    expect(pushed("[2,5]", "ü雪")).toEqual(["s * ü", "s * 雪"]);
  });

  test("“Offsets are ends; if the first is 0 they are starts (an old client's habit).”", () => {
    expect(pushed("[0]", "abc")).toEqual(["s * abc"]);
    expect(pushed("[0,1,3]", "abbccc")).toEqual(["s * a", "s * bb", "s * ccc"]);
    expect(pushed("[0,0,3]", "abc")).toEqual(["s * ", "s * abc", "s * "]);
    expect(pushed("[0]", "")).toEqual(["s * "]);
  });

  test("“`offsets=end` or `offsets=start` says which”", () => {
    expect(pushed("[0,1]", "abb", { offsets: "start" })).toEqual(["s * a", "s * bb"]);
    expect(pushed("[1,3]", "abb", { offsets: "end" })).toEqual(["s * a", "s * bb"]);
  });

  test("“and is the only way to send an empty first entry by ends”", () => {
    expect(pushed("[0,3]", "abc", { offsets: "end" })).toEqual(["s * ", "s * abc"]);
    expect(pushed("[0,3]", "abc", { offsets: "auto" })).toEqual(["s * abc", "s * "]);
    expect(pushed("[0,0,3]", "abc", { offsets: "end" })).toEqual(["s * ", "s * ", "s * abc"]);
    expect(pushed("[0]", "", { offsets: "end" })).toEqual(["s * "]);
  });
});

describe("“`[[stream_id, end], …]`, `[[stream_id, entry_id, end], …]`: own stream and own entry id”", () => {
  test("own stream", () => {
    expect(pushed('[["x",1],["y",3],["x",3]]', "abb")).toEqual(["x * a", "y * bb", "x * "]);
    expect(pushed('[["x",0],["y",1]]', "abb")).toEqual(["x * a", "y * bb"]);
  });

  test("own stream and id, in one header with those that have none", () => {
    expect(pushed('[["x","5-1",1],["y",2],["x",null,3]]', "abc")).toEqual(["x 5-1 a", "y * b", "x * c"]);
  });

  test("the URL's streams do not limit it: `*` stands there, or one, or any number", () => {
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
  ])("entry id %s asks Redis for %s", (id, wanted) => {
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
  ])("entry id %s is none", (id) => {
    expect(refusalOf(() => pushed(`[["x",${id},1]]`, "a"))).toMatch(
      /^BAD_HEADER: entry id must be <ms>-<seq> above 0-0, milliseconds, "\*" or null, got .+$/,
    );
  });

  test.each(["1", "null", '""', "{}", "[]", "true"])("stream id %s is none", (stream) => {
    expect(refusalOf(() => pushed(`[[${stream},1]]`, "a"))).toMatch(
      /^BAD_HEADER: stream id must be a non-empty string, got .+$/,
    );
  });
});

describe("“`[]`: the whole payload is one entry”", () => {
  test.each(["auto", "end", "start"] as const)("with offsets=%s", (offsets) => {
    expect(pushed("[]", "abc", { offsets })).toEqual(["s * abc"]);
    expect(pushed("[]", "", { offsets })).toEqual(["s * "]);
  });

  test("of which stream, where the URL names several?", () => {
    expect(refusalOf(() => pushed("[]", "abc", { streams: ["x", "y"] }))).toBe(
      "BAD_HEADER: header [] requires one stream in the URL, got 2",
    );
  });
});

describe("“A malformed header, offsets that are not ascending, lie past the payload's end or leave bytes over”", () => {
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
    ["[3,1,3]", "offsets do not ascend: 1 after 3"],
    ["[0,3,1]", "offsets do not ascend: 1 after 3"],
    ['[["s",2],["t",1]]', "offsets do not ascend: 1 after 2"],
    ["[4]", "offset 4 is past the end of the payload (3 bytes)"],
    ["[1,4]", "offset 4 is past the end of the payload (3 bytes)"],
    ["[0,4]", "offset 4 is past the end of the payload (3 bytes)"],
    ["[9007199254740991]", "offset 9007199254740991 is past the end of the payload (3 bytes)"],
    ["[2]", "the last offset must be the payload length 3, got 2"],
    ["[1,2]", "the last offset must be the payload length 3, got 2"],
    ['[["s",1]]', "the last offset must be the payload length 3, got 1"],
  ])("%s", (header, problem) => {
    expect(refusalOf(() => pushed(header, "abc"))).toBe(`BAD_HEADER: ${problem}`);
  });

  test("by ends, a first 0 is the end of an empty entry and not a start", () => {
    expect(refusalOf(() => pushed("[0]", "abc", { offsets: "end" }))).toBe(
      "BAD_HEADER: the last offset must be the payload length 3, got 0",
    );
  });

  test("by starts, the first is 0", () => {
    expect(refusalOf(() => pushed("[1,2]", "abc", { offsets: "start" }))).toBe(
      "BAD_HEADER: the first start offset must be 0, got 1",
    );
  });

  test("as many offsets as the URL has streams, unless it has one", () => {
    expect(refusalOf(() => pushed("[1,2,3]", "abc", { streams: ["x", "y"] }))).toBe(
      "BAD_HEADER: header must have one offset per stream of the URL (2), got 3",
    );
    expect(refusalOf(() => pushed("[3]", "abc", { streams: ["x", "y"] }))).toBe(
      "BAD_HEADER: header must have one offset per stream of the URL (2), got 1",
    );
  });

  test("a batch over the limit", () => {
    const offsets = (count: number) => JSON.stringify(Array.from({ length: count }, () => 0));
    expect(pushed(offsets(MOST), "")).toHaveLength(MOST);
    expect(refusalOf(() => pushed(offsets(MOST + 1), ""))).toBe(
      "TOO_LARGE: a batch must have at most 10 entries, got 11",
    );
  });

  test("what is wrong is shown short, however long or deep it is", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    for (const header of [
      `["${"x".repeat(100_000)}"]`,
      `[[${deep},1]]`,
      `[1,${deep}]`,
      `["${"\u0001".repeat(999)}"]`,
    ]) {
      const refusal = refusalOf(() => pushed(header, "abc"));
      expect(refusal).toMatch(/^(BAD_HEADER|TOO_LARGE): /);
      expect(refusal.length).toBeLessThan(200);
    }
  });
});

describe("property: what is cut is what was sent", () => {
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

  test("with offsets=auto as well, by starts always and by ends where the first entry is not empty", () => {
    fc.assert(
      fc.property(plainStreams, (streams) => {
        expect(returned(streams, "start", "auto")).toEqual(flat(streams));
        if (flat(streams)[0]?.data.length !== 0)
          expect(returned(streams, "end", "auto")).toEqual(flat(streams));
      }),
    );
  });
});

describe("fuzz: whatever comes is refused in words, or every byte of it is in one entry", () => {
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
    const place = at % (header.length + 1);
    return header.slice(0, place) + put + header.slice(place + put.length);
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
    // Else the generators would have gone wrong, and the test would be about refusals alone.
    expect(taken).toBeGreaterThan(100);
  });
});

describe("“a JSON text header `[[stream_id, entry_id, offset], …]`, then one binary message: the entries end to end”", () => {
  const entry = (id: string, data: string) => ({ id: id as EntryId, data: bytes(data) });
  const streams = [
    { stream: "a", entries: [entry("1-0", "one"), entry("2-0", "")] },
    { stream: 'b"\n雪', entries: [entry("18446744073709551615-18446744073709551615", "three")] },
  ];

  test("“`offset` is where the entry starts”", () => {
    expect(encodeHeader(streams, "start")).toBe(
      '[["a","1-0",0],["a","2-0",3],["b\\"\\n雪","18446744073709551615-18446744073709551615",3]]',
    );
  });

  test("“`offsets=end` gives ends instead”", () => {
    expect(encodeHeader(streams, "end")).toBe(
      '[["a","1-0",3],["a","2-0",3],["b\\"\\n雪","18446744073709551615-18446744073709551615",8]]',
    );
  });

  test("“When `block` ms pass without an entry … `[]`”", () => {
    expect(encodeHeader([], "start")).toBe("[]");
    expect(encodeHeader([], "end")).toBe("[]");
  });
});

describe("“`x-offsets` is the JSON header above, in ASCII (`\\u` escapes)”", () => {
  test.each([
    ['[["a","1-0",0]]', '[["a","1-0",0]]'],
    ['["ü"]', '["\\u00fc"]'],
    ['["雪"]', '["\\u96ea"]'],
    ['["😀"]', '["\\ud83d\\ude00"]'],
    ['["\u007f\u0080\u2028\ufeff\uffff"]', '["\\u007f\\u0080\\u2028\\ufeff\\uffff"]'],
  ])("%s", (json, ascii) => {
    expect(asciiJson(json)).toBe(ascii);
  });

  test("property: printable ASCII that means the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const ascii = asciiJson(JSON.stringify(value));
        expect(ascii).toMatch(/^[ -~]*$/);
        expect(JSON.parse(ascii)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
