import { describe, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { entriesByKey, entriesOf } from "../../../src/redis/read/entry-decoder.ts";
import { type Reply, ReplyReader } from "../../../src/redis/resp/reader.ts";

/** Parses a reply from one line of RESP; a space stands for a line end. */
function reply(resp: string): Reply {
  const replies: Reply[] = [];
  const reader = new ReplyReader({ onReply: (one) => replies.push(one), onPush: () => undefined });
  reader.feed(Buffer.from(`${resp} `.replaceAll(" ", "\r\n")));
  expect(replies).toHaveLength(1);
  return replies[0] ?? null;
}

const shown = (entries: readonly Entry[]) =>
  entries.map(({ id, data, fields }) => [
    id,
    Buffer.from(data).toString(),
    ...(fields === undefined ? [] : [[...fields].map(([name, value]) => `${name}=${value}`)]),
  ]);

/** An entry in an XRANGE reply. */
const entry = (id: string, ...fields: readonly string[]) =>
  `*2 $${id.length} ${id} *${fields.length}${fields.map((one) => ` $${one.length} ${one}`).join("")}`;

describe("decodes field `d` as the payload, and other fields as metadata", () => {
  test.each([
    ["the payload alone", ["d", "payload"], ["1-0", "payload"]],
    ["an empty payload", ["d", ""], ["1-0", ""]],
    ["payload first", ["d", "payload", "a", "1", "b", "2"], ["1-0", "payload", ["a=1", "b=2"]]],
    ["payload in between", ["a", "1", "d", "payload", "b", "2"], ["1-0", "payload", ["a=1", "b=2"]]],
    ["payload last", ["a", "1", "d", "payload"], ["1-0", "payload", ["a=1"]]],
    ["one other field", ["D", "payload"], ["1-0", "", ["D=payload"]]],
  ])("%s", (_, fields, seen) => {
    expect(shown(entriesOf(reply(`*1 ${entry("1-0", ...fields)}`)))).toEqual([seen]);
  });

  test("an entry without a field `d` has an empty payload", () => {
    const [one] = entriesOf(reply(`*1 ${entry("1-0", "a", "1")}`));
    expect(one?.data).toEqual(new Uint8Array());
    expect(one?.fields).toEqual(new Map([["a", Buffer.from("1")]]));
  });

  test("an entry without other fields has no fields, rather than an empty map", () => {
    expect(entriesOf(reply(`*1 ${entry("1-0", "d", "x")}`))[0]).not.toHaveProperty("fields");
  });
});

describe("decodes XRANGE replies", () => {
  test("in order, with ids that are text", () => {
    const id = "18446744073709551615-18446744073709551615";
    expect(shown(entriesOf(reply(`*2 ${entry("1-0", "d", "a")} ${entry(id, "d", "b")}`)))).toEqual([
      ["1-0", "a"],
      [id, "b"],
    ]);
  });

  test("none", () => {
    expect(entriesOf(reply("*0"))).toEqual([]);
    expect(entriesOf(reply("*-1"))).toEqual([]);
    expect(entriesOf(reply("_"))).toEqual([]);
  });

  test("skips a deleted entry, which may be null", () => {
    const found = entriesOf(reply(`*4 _ ${entry("1-0", "d", "a")} *2 $3 2-0 _ ${entry("3-0", "d", "c")}`));
    expect(shown(found)).toEqual([
      ["1-0", "a"],
      ["3-0", "c"],
    ]);
  });

  test("rejects a reply that is not a list", () => {
    expect(() => entriesOf(reply("+OK"))).toThrow("did not reply with a list of entries");
    expect(() => entriesOf(reply(":1"))).toThrow("did not reply with a list of entries");
  });
});

describe("decodes XREAD replies by key", () => {
  const a = `$1 a *2 ${entry("1-0", "d", "x")} ${entry("2-0", "d", "y")}`;
  const b = `$3 雪 *1 ${entry("5-0", "d", "z")}`;
  const seen = (resp: string) => entriesByKey(reply(resp)).map(([key, entries]) => [key, shown(entries)]);
  const both = [
    [
      "a",
      [
        ["1-0", "x"],
        ["2-0", "y"],
      ],
    ],
    ["雪", [["5-0", "z"]]],
  ];

  test("a map in RESP3", () => {
    expect(seen(`%2 ${a} ${b}`)).toEqual(both);
  });

  test("a list of pairs in RESP2", () => {
    expect(seen(`*2 *2 ${a} *2 ${b}`)).toEqual(both);
  });

  test("nothing", () => {
    expect(seen("_")).toEqual([]);
    expect(seen("*-1")).toEqual([]);
    expect(seen("%0")).toEqual([]);
  });

  test("rejects a reply that is not a list", () => {
    expect(() => seen("+OK")).toThrow("did not reply to XREAD with a list");
  });
});
