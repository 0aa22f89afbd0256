import { expect, test } from "vitest";
import { inCluster, planOf } from "../../../bench/check/plan.ts";

test("a seed decides everything, and another seed something else", () => {
  expect(planOf(17, 60_000)).toEqual(planOf(17, 60_000));
  expect(planOf(18, 60_000).faults).not.toEqual(planOf(17, 60_000).faults);
});

test("faults end before the time is over, and all kinds of them come", () => {
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

test("in a cluster the same comes of a seed, with what breaks in clusters", () => {
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
