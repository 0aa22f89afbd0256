/** Verdict of the attack checker. */
import { describe, expect, test } from "vitest";
import { leftBehind } from "../../../bench/attacks/leaks.ts";
import { judge, MAX_RESIDENT_BYTES, type RunRecord } from "../../../bench/attacks/verdict.ts";

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
  test("reports no problem for a clean run", () => expect(judge(clean)).toEqual([]));

  test("permits the delay of the machine and 250 ms beyond it", () => {
    const wait = (ms: number, allowedMs: number) =>
      withRound({ longWaits: [{ what: "POST", at: "2026-01-01T00:00:00.000Z", ms, allowedMs }] });
    expect(judge(wait(900, 650))).toEqual([]);
    expect(judge(wait(901, 650))).toEqual([expect.stringMatching(/901 ms .*POST during slow: nothing/)]);
  });

  test("names the attacks during which memory exceeded the limit", () => {
    expect(judge(withRound({ peakBytes: MAX_RESIDENT_BYTES }))).toEqual([]);
    expect(judge(withRound({ peakBytes: MAX_RESIDENT_BYTES + 1 }))).toEqual([
      expect.stringMatching(/^513 MB of resident memory.*slow: nothing/),
    ]);
  });

  test.each<[string, Partial<RunRecord>]>([
    ["a lost entry", { complaints: ["pull: expected entry 6, got entry 7"] }],
    ["a connection past its deadline", { overdue: { "slow: nothing": 13_000 } }],
    ["leaked resources", { left: ["file descriptors: 20 before, 90 after"] }],
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

  test("reports nothing if all values are equal or smaller", () =>
    expect(leftBehind(before, grown({ "file descriptors": 18 }))).toEqual([]));

  test("reports one additional reader, and new gauges", () => {
    expect(leftBehind(before, grown({ redis_streamer_readers: 1 }))).toEqual([
      "redis_streamer_readers: 0 before, 1 after",
    ]);
    expect(leftBehind(before, grown({ 'redis_streamer_connections{kind="pull"}': 2 }))).toHaveLength(1);
  });

  test("permits a few additional file descriptors", () => {
    expect(leftBehind(before, grown({ "file descriptors": 24 }))).toEqual([]);
    expect(leftBehind(before, grown({ "file descriptors": 25 }))).toHaveLength(1);
  });
});
