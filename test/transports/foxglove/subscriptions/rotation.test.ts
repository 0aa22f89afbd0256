/** Subscriptions that pause together resume in turns, a few at a time. */
import { expect, test } from "vitest";
import type { PauseReason } from "../../../../src/live/subscription.ts";
import { type Member, Rotation } from "../../../../src/transports/foxglove/subscriptions/rotation.ts";
import { until } from "../../../support/until.ts";

/** Never ends within a test. */
const LONG_MS = 1_000_000;

/** Members that record in which order they resume. */
function membersOf(count: number, onResume: (index: number) => void = () => undefined) {
  const resumed: number[] = [];
  const members = Array.from({ length: count }, (_, index): Member => {
    const reasons = new Set<PauseReason>();
    return {
      pause: (reason) => void reasons.add(reason),
      resume(reason) {
        if (!reasons.delete(reason)) throw new Error(`${index} was not paused`);
        resumed.push(index);
        onResume(index);
      },
      isPaused: () => reasons.size > 0,
    };
  });
  return { members, resumed };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test("eight members catch up at a time, and the next one resumes when one has caught up", () => {
  const rotation = new Rotation("sink-full", LONG_MS);
  const { members, resumed } = membersOf(12);
  for (const member of members) rotation.add(member);
  rotation.pause();
  rotation.resume();
  expect(resumed).toEqual(range(0, 8));
  for (const member of members.slice(3, 5)) rotation.caughtUp(member);
  expect(resumed).toEqual(range(0, 10));
  const [first] = members;
  if (first !== undefined) rotation.remove(first);
  expect(resumed).toEqual(range(0, 11));
  rotation.pause();
});

test("a full sink pauses all, and those that waited longest are first", () => {
  const rotation = new Rotation("sink-full", LONG_MS);
  const { members, resumed } = membersOf(5, (index) => {
    if (index === 2) rotation.pause();
  });
  for (const member of members) rotation.add(member);
  rotation.pause();
  rotation.resume();
  expect(resumed).toEqual([0, 1, 2]);
  rotation.resume();
  expect(resumed.slice(3)).toEqual([3, 4, 0, 1, 2]);
  rotation.resume();
  expect(resumed.slice(8)).toEqual([3, 4, 0, 1, 2]);
});

test("members that catch up at once resume all in one turn", () => {
  const rotation = new Rotation("sink-full", LONG_MS);
  const { members, resumed } = membersOf(500, (index) => {
    const member = members[index];
    if (member !== undefined) rotation.caughtUp(member);
  });
  for (const member of members) rotation.add(member);
  rotation.pause();
  rotation.resume();
  expect(resumed).toEqual(range(0, 500));
});

test("members that do not catch up, or have another reason to pause, hold up no others", async () => {
  const rotation = new Rotation("sink-full", 1);
  const { members, resumed } = membersOf(30);
  for (const member of members) rotation.add(member);
  for (const member of members.slice(0, 10)) member.pause("in-flight");
  rotation.pause();
  rotation.resume();
  expect(resumed).toEqual(range(0, 18));
  await until("all have resumed", () => resumed.length === 30);
});

test("a member that is added while all are paused waits for its turn", () => {
  const rotation = new Rotation("sink-full", LONG_MS);
  const { members, resumed } = membersOf(2);
  const [one, other] = members;
  if (one === undefined || other === undefined) throw new Error("no members");
  rotation.add(one);
  rotation.pause();
  rotation.add(other);
  expect(other.isPaused()).toBe(true);
  rotation.resume();
  expect(resumed).toEqual([0, 1]);
});
