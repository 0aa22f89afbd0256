/** Verdict of the history checker: each test injects one problem into a correct history. */
import { expect, test } from "vitest";
import type {
  GapEvent,
  History,
  NamedEntry,
  Push,
  Session,
} from "../../../../bench/check/verdict/history.ts";
import { judge } from "../../../../bench/check/verdict/verdict.ts";

const ENTRIES = 10;
const entryAt = (i: number): NamedEntry => ({ id: `${i + 1}-0`, key: `k${i}` });
const from = (first: number, last = ENTRIES): NamedEntry[] =>
  Array.from({ length: last - first }, (_, i) => entryAt(first + i));
const session = (cursor: string, entries: readonly NamedEntry[]): Session => ({
  cursor,
  floor: "0-0",
  entries: [...entries],
});

interface Changes {
  readonly committed?: readonly NamedEntry[];
  readonly left?: readonly string[];
  readonly pushes?: readonly Push[];
  readonly sessions?: readonly Session[];
  readonly latest?: boolean;
}

const push = (i: number, outcome: Push["outcome"] = { id: `${i + 1}-0` }): Push => ({
  stream: "s",
  key: `k${i}`,
  connection: "c",
  order: i,
  resent: false,
  outcome,
});
const PUSHES = Array.from({ length: ENTRIES }, (_, i) => push(i));

function history(changes: Changes = {}): History {
  const {
    committed = from(0),
    pushes = PUSHES,
    sessions = [session("0", from(0))],
    latest = false,
  } = changes;
  const left = changes.left ?? committed.flatMap(({ id }) => id ?? []);
  return {
    pushes,
    readers: [{ name: "r", stream: "s", latest, sessions: [...sessions] }],
    streams: [{ stream: "s", committed, left }],
    deaths: [],
  };
}

const reads = (...sessions: readonly Session[]) => judge(history({ sessions }));

test("accepts a correct history", () => {
  expect(judge(history())).toEqual([]);
  expect(reads(session("0", from(0, 4)), session("4-0", []), session("4-0", from(4)))).toEqual([]);
  // "Now" may resolve to any position.
  expect(reads(session("$", from(6)))).toEqual([]);
  expect(reads(session("$", []))).toEqual([]);
  expect(judge(history({ latest: true, sessions: [session("0", [entryAt(2), entryAt(9)])] }))).toEqual([]);
});

test("accepts an unacknowledged or APPEND_UNKNOWN entry whether or not it is stored", () => {
  const pushes = PUSHES.with(4, { ...push(4), outcome: undefined }).with(
    5,
    push(5, { code: "APPEND_UNKNOWN" }),
  );
  expect(judge(history({ pushes }))).toEqual([]);
  const committed = from(0).filter(({ key }) => key !== "k4" && key !== "k5");
  expect(judge(history({ pushes, committed, sessions: [session("0", committed)] }))).toEqual([]);
});

test("lets a reader miss trimmed entries, but no stored ones", () => {
  const left = from(5).flatMap(({ id }) => id ?? []);
  expect(judge(history({ left, sessions: [session("0", from(3))] }))).toEqual([]);
  expect(judge(history({ left, sessions: [session("0", from(6))] }))).toEqual([
    "r: missed 1 entries before k6 (7-0), the first is 6-0",
  ]);
});

test("detects a lost acknowledged entry", () => {
  const committed = from(0).filter(({ key }) => key !== "k3");
  expect(judge(history({ committed, sessions: [session("0", committed)] }))).toEqual([
    "s: k3 was acknowledged as 4-0, but is lost",
  ]);
});

test("detects a rejected entry that is stored", () => {
  expect(judge(history({ pushes: PUSHES.with(3, push(3, { code: "REDIS_UNAVAILABLE" })) }))).toEqual([
    "s: k3 was rejected with REDIS_UNAVAILABLE, but stored as 4-0",
  ]);
});

test("detects an entry that is stored twice", () => {
  const committed = [...from(0), { id: "11-0", key: "k3" }];
  expect(judge(history({ committed, sessions: [session("0", committed)] }))).toContain(
    "s: k3 is stored twice, as 4-0 and 11-0",
  );
});

test("detects entries of one connection that are stored out of order", () => {
  const committed = [...from(0, 3), { id: "4-0", key: "k4" }, { id: "5-0", key: "k3" }, ...from(5)];
  const pushes = PUSHES.with(3, push(3, { id: "5-0" })).with(4, push(4, { id: "4-0" }));
  expect(judge(history({ committed, pushes, sessions: [session("0", committed)] }))).toEqual([
    "s: k4 is stored before k3, which was sent earlier",
  ]);
});

test("detects a stream that differs from the committed entries", () => {
  expect(judge(history({ left: ["1-0", "2-0"], sessions: [session("0", from(0))] }))).toContain(
    "s: the stored entries are not the last committed ones",
  );
});

test("detects an entry that a reader missed, within a connection and between two", () => {
  expect(reads(session("0", [...from(0, 3), ...from(4)]))).toEqual([
    "r: missed 1 entries before k4 (5-0), the first is 4-0",
  ]);
  expect(reads(session("0", from(0, 3)), session("3-0", from(4)))).toEqual([
    "r: missed 1 entries before k4 (5-0), the first is 4-0",
  ]);
  expect(reads(session("0", from(0, 8)))).toEqual(["r: did not reach the end, 2 entries are missing"]);
});

test("detects a repeated entry, within a connection and after a reconnect", () => {
  expect(reads(session("0", [...from(0, 4), entryAt(3), ...from(4)]))).toEqual([
    "r: got k3 (4-0) again or too late, after k3 (4-0)",
  ]);
  expect(reads(session("0", from(0, 4)), session("4-0", from(3)))).toEqual([
    "r: got k3 (4-0) again or too late, after its cursor 4-0",
  ]);
  const floored = { ...session("$", from(5)), floor: "7-0" };
  expect(reads(floored)[0]).toBe("r: got k5 (6-0) again or too late, after its cursor 7-0");
});

test("reports a process that ended unexpectedly", () => {
  expect(judge({ ...history(), deaths: ["a gateway ended with 7"] })).toEqual(["a gateway ended with 7"]);
});

test("detects reordered entries", () => {
  expect(reads(session("0", [...from(0, 3), entryAt(4), entryAt(3), ...from(5)]))).toEqual([
    "r: missed 1 entries before k4 (5-0), the first is 4-0",
    "r: got k3 (4-0) again or too late, after k4 (5-0)",
    "r: missed 1 entries before k5 (6-0), the first is 5-0",
  ]);
  const sessions = [session("0", [entryAt(6), entryAt(2), entryAt(9)])];
  expect(judge(history({ latest: true, sessions }))).toEqual([
    "r: got k2 (3-0) again or too late, after k6 (7-0)",
  ]);
});

test("detects an entry with a wrong id, and one that was never stored", () => {
  expect(reads(session("0", [...from(0, 3), { id: "4-1", key: "k3" }, ...from(4)]))[0]).toBe(
    "r: got k3 as 4-1, which differs from the stored entry",
  );
  expect(reads(session("0", [...from(0), { id: "11-0", key: "damaged: k1" }]))).toEqual([
    "r: got damaged: k1 as 11-0, which differs from the stored entry",
  ]);
});

test("detects entries of a playback that are not in the order of their ids", () => {
  const at = (stream: string, id: string) => ({ stream, id });
  const inOrder = [at("s", "1-0"), at("t", "1-0"), at("t", "2-5"), at("s", "10-0")];
  const played = (...stretches: (typeof inOrder)[]) =>
    judge({ ...history(), playbacks: [{ name: "p", stretches }] });
  expect(played(inOrder, inOrder)).toEqual([]);
  expect(played([...inOrder, at("t", "9-9")])).toEqual(["p: got 9-9 of t after 10-0 of s"]);
});

test("detects entries that are missing without a gap", () => {
  const ids = (...numbers: readonly number[]) => numbers.map((number) => ({ id: `${number}-0` }));
  const withGaps = (...events: GapEvent[]) =>
    judge({ ...history(), gapReaders: [{ name: "g", stream: "s", sessions: [{ cursor: "0-0", events }] }] });
  expect(withGaps(...ids(1, 2, 3))).toEqual([]);
  // A reader from the beginning starts at the first entry that exists.
  expect(withGaps(...ids(4, 5))).toEqual([]);
  expect(withGaps(...ids(1, 2), { after: "2-0", before: "5-0" }, ...ids(5))).toEqual([]);
  const missing = "g: 2 entries before 5-0 are missing without a gap, the first is 3-0";
  expect(withGaps(...ids(1, 2, 5))).toEqual([missing]);
  expect(withGaps(...ids(1), { after: "1-0", before: "2-0" }, ...ids(2, 5))).toEqual([missing]);
});
