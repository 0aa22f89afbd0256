import { expect, test } from "vitest";
import { inCluster, planOf } from "../../../bench/check/plan.ts";

test("derives the whole plan from the seed", () => {
  expect(planOf(17, 60_000)).toEqual(planOf(17, 60_000));
  expect(planOf(18, 60_000).faults).not.toEqual(planOf(17, 60_000).faults);
});

test("ends all faults in time, and uses all kinds of faults", () => {
  const kinds = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const { faults, ms } = planOf(seed, 30_000);
    const times = faults.map(({ afterMs, fault }) => afterMs + ("ms" in fault ? fault.ms : 0));
    expect(times.reduce((sum, time) => sum + time, 0)).toBeLessThanOrEqual(ms);
    for (const { fault } of faults) kinds.add(fault.what);
  }
  expect([...kinds].sort()).toEqual([
    "cut redis connections",
    "freeze gateway",
    "freeze redis",
    "kill gateway",
    "kill redis",
    "pusher vanishes",
    "stop gateway",
  ]);
});

test("plans Python clients of every kind on streams that have pushers", () => {
  const kinds = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const { pythonPushers, pythonReaders, pushers } = planOf(seed, 30_000);
    const streams = new Set(pushers.map(({ stream }) => stream));
    expect(pythonPushers.map(({ dedupe }) => dedupe)).toEqual([true, false]);
    expect(pythonPushers.every(({ stream }) => streams.has(stream))).toBe(true);
    for (const { from, latest } of pythonReaders) kinds.add(`${from} ${latest}`);
  }
  expect([...kinds].sort()).toEqual(["$ false", "$ true", "0 false", "0 true"]);
});

test("replaces the faults of Redis by faults of a cluster, with the same pushers and times", () => {
  const kinds = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const plan = planOf(seed, 30_000);
    const { faults, pushers, settings } = inCluster(plan);
    expect(inCluster(plan).faults).toEqual(faults);
    expect(faults.map(({ afterMs }) => afterMs)).toEqual(plan.faults.map(({ afterMs }) => afterMs));
    expect(pushers).toEqual(plan.pushers);
    expect(settings.REDIS_STREAM_MAXLEN).toBe("0");
    for (const { fault } of faults) kinds.add(fault.what);
  }
  expect([...kinds].sort()).toEqual([
    "fail over",
    "freeze gateway",
    "freeze master",
    "kill gateway",
    "kill master",
    "move slot",
    "pusher vanishes",
    "stop gateway",
  ]);
});
