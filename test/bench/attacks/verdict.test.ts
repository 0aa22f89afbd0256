/** What the attack checker calls a problem. */
import { describe, expect, test } from "vitest";
import { leftBehind } from "../../../bench/attacks/leaks.ts";
import { judge, MOST_RESIDENT_BYTES, type RunRecord } from "../../../bench/attacks/verdict.ts";

const clean: RunRecord = {
  seed: 1,
  rounds: [{ attacks: ["slow: nothing"], longWaits: [], peakBytes: 200 * 2 ** 20 }],
  complaints: [],
  overdue: {},
  left: [],
  healthyWaits: 1000,
};

const withRound = (round: Partial<RunRecord["rounds"][number]>): RunRecord => ({
  ...clean,
  rounds: clean.rounds.map((one) => ({ ...one, ...round })),
});

describe("judge", () => {
  test("finds nothing in a clean run", () => expect(judge(clean)).toEqual([]));

  test("allows for the machine, and for no more than 250 ms beyond it", () => {
    const wait = (ms: number, allowedMs: number) =>
      withRound({ longWaits: [{ what: "POST", ms, allowedMs }] });
    expect(judge(wait(900, 650))).toEqual([]);
    expect(judge(wait(901, 650))).toEqual([expect.stringMatching(/901 ms .*POST under slow: nothing/)]);
  });

  test("names the attacks under which memory passed the bound", () => {
    expect(judge(withRound({ peakBytes: MOST_RESIDENT_BYTES }))).toEqual([]);
    expect(judge(withRound({ peakBytes: MOST_RESIDENT_BYTES + 1 }))).toEqual([
      expect.stringMatching(/^513 MB resident.*slow: nothing/),
    ]);
  });

  test.each<[string, Partial<RunRecord>]>([
    ["a lost entry", { complaints: ["pull: received entry 7 instead of 6"] }],
    ["a connection past its deadline", { overdue: { "slow: nothing": 13_000 } }],
    ["something left behind", { left: ["file descriptors: 20 before, 90 after"] }],
    ["a gateway that ended", { died: "ended with SIGABRT" }],
    ["a run in which nothing was measured", { healthyWaits: 0 }],
  ])("reports %s", (_what, change) => expect(judge({ ...clean, ...change })).toHaveLength(1));
});

describe("leftBehind", () => {
  const before = new Map([
    ["redis_streamer_readers", 0],
    ["file descriptors", 20],
  ]);
  const grown = (changes: Record<string, number>) => new Map([...before, ...Object.entries(changes)]);

  test("finds nothing where all is as before or less", () =>
    expect(leftBehind(before, grown({ "file descriptors": 18 }))).toEqual([]));

  test("reports one reader too many, and gauges that are new", () => {
    expect(leftBehind(before, grown({ redis_streamer_readers: 1 }))).toEqual([
      "redis_streamer_readers: 0 before, 1 after",
    ]);
    expect(leftBehind(before, grown({ 'redis_streamer_connections{kind="pull"}': 2 }))).toHaveLength(1);
  });

  test("lets a gateway hold a few files more", () => {
    expect(leftBehind(before, grown({ "file descriptors": 24 }))).toEqual([]);
    expect(leftBehind(before, grown({ "file descriptors": 25 }))).toHaveLength(1);
  });
});
