/** Verdict on the workers of a run: each test injects one problem into a correct history. */
import { expect, test } from "vitest";
import type { History, WorkerHistory, WorkHistory } from "../../../../bench/check/verdict/history.ts";
import { judge } from "../../../../bench/check/verdict/verdict.ts";

const IDS = ["1-0", "2-0", "3-0"];
const named = (...ids: readonly string[]) => ids.map((id) => ({ stream: "s", id }));
const worker = (
  name: string,
  ids: readonly string[],
  changes: Partial<WorkerHistory> = {},
): WorkerHistory => ({
  name,
  received: ids.map((id) => ({ stream: "s", id, key: `k${id}` })),
  sent: named(...ids),
  confirmed: named(...ids),
  deadLettered: [],
  lost: [],
  ...changes,
});

function history(work: WorkHistory, left: readonly string[] = IDS): History {
  const committed = IDS.map((id) => ({ id, key: `k${id}` }));
  return { pushes: [], readers: [], streams: [{ stream: "s", committed, left }], deaths: [], work };
}

const problems = (workers: readonly WorkerHistory[], acknowledged = named(...IDS), left = IDS) =>
  judge(history({ workers, acknowledged }, left));

test("accepts entries that are acknowledged, dead letters or lost", () => {
  expect(problems([worker("a", ["1-0"]), worker("b", ["2-0", "3-0"])])).toEqual([]);
  const deadLettered = worker("b", ["2-0", "3-0"], {
    sent: [],
    confirmed: [],
    deadLettered: named("2-0"),
    lost: named("3-0"),
  });
  expect(problems([worker("a", ["1-0"]), deadLettered])).toEqual([]);
});

test("accepts an acknowledgement whose confirmation was lost, and entries that were trimmed", () => {
  expect(
    problems([worker("a", ["2-0", "3-0"], { confirmed: [] })], named("2-0", "3-0"), ["2-0", "3-0"]),
  ).toEqual([]);
});

test("detects an entry with two confirmed acknowledgements", () => {
  expect(problems([worker("a", IDS), worker("b", ["2-0"])])).toEqual(["b: s 2-0 was also acknowledged by a"]);
});

test("detects an entry that was neither acknowledged nor moved to the dead letters", () => {
  expect(problems([worker("a", ["1-0", "2-0"])], named("1-0", "2-0"))).toEqual([
    "s 3-0 was neither acknowledged nor moved to the dead letters",
  ]);
});

test("detects an entry that no worker acknowledged", () => {
  expect(problems([worker("a", ["1-0", "2-0"])])).toEqual(["s 3-0 was acknowledged, but by no worker"]);
});

test("detects a confirmation of an entry that is not acknowledged", () => {
  expect(problems([worker("a", IDS)], named("1-0", "2-0"))).toEqual([
    "s 3-0 was neither acknowledged nor moved to the dead letters",
    "a: s 3-0 was confirmed, but is not acknowledged",
  ]);
});

test("detects an entry with the payload of another", () => {
  const wrong = worker("a", IDS, { received: [{ stream: "s", id: "1-0", key: "k2-0" }] });
  expect(problems([wrong])).toEqual(["a: got k2-0 as 1-0, which differs from the stored entry"]);
});

test("accepts an entry that was done twice after a failover", () => {
  const work = { workers: [worker("a", IDS), worker("b", ["2-0"])] };
  expect(judge({ ...history(work), takeovers: 1 })).toEqual([]);
  expect(judge(history(work))).toEqual(["b: s 2-0 was also acknowledged by a"]);
});

test("accepts entries that a failover lost, and detects one that no worker has done", () => {
  const received = [...IDS, "2-1"].map((id) => ({ stream: "s", id, key: `k${id}` }));
  const work = { workers: [worker("a", ["1-0", "2-0"], { received })] };
  expect(judge({ ...history(work), takeovers: 1 })).toEqual(["s 3-0 was settled by no worker"]);
  expect(judge(history(work))).toEqual([
    "a: got k2-1 as 2-1, which differs from the stored entry",
    "s 3-0 was settled by no worker",
  ]);
});
