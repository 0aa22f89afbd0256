import { expect, test } from "vitest";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { type Reply, ReplyError } from "../../../src/redis/resp/reader.ts";
import { errorIn, WatchedStreams } from "../../../src/redis/tail/watched-streams.ts";
import { silent } from "../../support/redis/redis.ts";

const id = (text: string) => text as EntryId;
const entry = (entryId: string, bytes = 1) => ({ id: id(entryId), data: Buffer.alloc(bytes, "x") });

function open() {
  const removals: [string, boolean][] = [];
  const forbidden: string[] = [];
  const sizes = createEntrySizes();
  const counters = createCounters();
  const streams = new WatchedStreams({
    sizes,
    counters,
    logger: silent,
    onRemoval: (key, isNewLife) => removals.push([key, isNewLife]),
    onForbidden: (key) => forbidden.push(key),
  });
  return { streams, sizes, counters, removals, forbidden };
}

/** Reply of the facts script: length, groups, mark, first and last generated id, entries added, exists, has the position. */
const facts = (length: number, first: string, last: string, added: number, hasPosition = 1): Reply => [
  length,
  0,
  null,
  Buffer.from(first),
  Buffer.from(last),
  added,
  length > 0 ? 1 : 0,
  hasPosition,
];

/** Reply of XREAD: ids by key. */
const found = (ids: Readonly<Record<string, readonly string[]>>): Reply =>
  Object.entries(ids).map(([key, list]) => [
    Buffer.from(key),
    list.map((one) => [Buffer.from(one), [Buffer.from("d"), Buffer.from("x")]]),
  ]);

test("marks a stream while it is watched only, and counts the watched ones", () => {
  const { streams, counters } = open();
  streams.mark("a");
  expect([...streams.changed]).toEqual([]);
  streams.watch("a", id("1-0"));
  streams.watch("b", id("2-0"));
  expect([[...streams.changed], counters.tailStreams]).toEqual([["a", "b"], 2]);
  streams.unmark("a");
  streams.unwatch("b");
  expect([[...streams.changed], counters.tailStreams]).toEqual([[], 1]);
  streams.markAll();
  expect([...streams.changed]).toEqual(["a"]);
});

test("plans changed streams from their positions, with a COUNT for the size of their entries", () => {
  const { streams, sizes } = open();
  streams.watch("small", id("1-0"));
  const small = streams.plan();
  expect([...small.from]).toEqual([["small", "1-0"]]);
  for (let i = 0; i < 50; i++) sizes.learn("large", [entry("1-0", 1024 * 1024)]);
  streams.watch("large", id("2-0"));
  const both = streams.plan();
  expect([...both.from.keys()]).toEqual(["small", "large"]);
  expect(both.count).toBeLessThan(small.count);
  for (const key of ["large2", "large3"]) {
    for (let i = 0; i < 50; i++) sizes.learn(key, [entry("1-0", 1024 * 1024)]);
    streams.watch(key, id("3-0"));
  }
  expect(streams.plan().from.has("large3")).toBe(false);
  expect(streams.plan(["large3"]).from.has("large3")).toBe(true);
});

test("sends a check of each stream before the read", () => {
  const { streams } = open();
  streams.watch("a", id("1-0"));
  streams.watch("b", id("2-0"));
  const commands = streams.commands(streams.plan());
  expect(commands.map(([name]) => name)).toEqual(["EVAL", "EVAL", "XREAD"]);
  expect(commands[2]?.slice(3)).toEqual(["STREAMS", "a", "b", "1-0", "2-0"]);
});

test("takes entries, moves the positions, and skips streams that were unwatched or moved in the meantime", () => {
  const { streams } = open();
  for (const key of ["a", "gone", "moved"]) streams.watch(key, id("1-0"));
  const plan = streams.plan();
  for (const key of plan.from.keys()) streams.unmark(key);
  streams.unwatch("gone");
  streams.watch("moved", id("9-0"));
  streams.unmark("moved");
  const check = facts(3, "1-0", "3-0", 3);
  const replies = [check, check, check, found({ a: ["2-0", "3-0"], gone: ["2-0"], moved: ["2-0"] })];
  const reads = streams.take(plan, replies);
  expect(reads).toMatchObject([{ key: "a", after: "1-0", hasGap: false, isNewLife: false }]);
  expect(reads[0]?.entries.map((one) => one.id)).toEqual(["2-0", "3-0"]);
  expect(streams.positions.get("a")).toBe("3-0");
  expect(streams.positions.get("moved")).toBe("9-0");
  expect([...streams.changed]).toEqual(["moved"]);
});

test("reports a gap, and marks a stream again that has more entries than were read", () => {
  const { streams } = open();
  streams.watch("a", id("1-0"));
  const plan = { from: streams.plan().from, count: 1 };
  streams.unmark("a");
  const [read] = streams.take(plan, [facts(2, "5-0", "6-0", 6, 0), found({ a: ["5-0"] })]);
  expect(read).toMatchObject({ key: "a", hasGap: true });
  expect([...streams.changed]).toEqual(["a"]);
});

test("reports removals of a stream without a new entry", () => {
  const { streams, removals } = open();
  streams.watch("a", id("2-0"));
  expect(streams.take(streams.plan(), [facts(0, "", "2-0", 2, 0), null])).toEqual([]);
  expect(removals).toEqual([["a", false]]);
});

test("extends a stream by entries that were not read", () => {
  const { streams } = open();
  streams.watch("a", id("1-0"));
  const entries = [entry("2-0"), entry("3-0")];
  const read = { key: "a", after: "1-0", entries, hasGap: false, isNewLife: false };
  expect(streams.extend("a", id("1-0"), entries)).toEqual(read);
  expect(streams.positions.get("a")).toBe("3-0");
});

test("reads without scripts after the first error that forbids them", () => {
  const { streams } = open();
  const forbids = new ReplyError("NOPERM User x has no permissions to run the 'eval' command");
  expect(streams.isScriptForbidden(new ReplyError("WRONGTYPE no"))).toBe(false);
  expect([1, 2].map(() => streams.isScriptForbidden(forbids))).toEqual([true, false]);
  streams.watch("a", id("1-0"));
  expect(streams.commands(streams.plan()).map(([name]) => name)).toEqual(["XLEN", "XREAD"]);
});

test("reports a stream that the gateway may not read, and finds the error of a transaction", () => {
  const { streams, forbidden } = open();
  streams.reject("a", new ReplyError("WRONGTYPE no"));
  streams.reject("b", new ReplyError("NOPERM no"));
  expect(forbidden).toEqual(["b"]);
  const error = new ReplyError("WRONGTYPE no");
  expect([errorIn([1, error]), errorIn([error, null]), errorIn([])]).toEqual([error, undefined, undefined]);
});
