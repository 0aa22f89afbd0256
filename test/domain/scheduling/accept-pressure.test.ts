/** Pressure of new connections, and the order of work under it. */
import { expect, test } from "vitest";
import { noteAccepted, shouldYield } from "../../../src/domain/scheduling/accept-pressure.ts";
import { FairTurns } from "../../../src/domain/scheduling/fair-turns.ts";
import { createWorkSlices } from "../../../src/domain/scheduling/work-slice.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

test("work yields in a turn that accepts a connection, and in no other", async () => {
  expect(shouldYield()).toBe(false);
  noteAccepted();
  expect(shouldYield()).toBe(true);
  await eventLoopTurns(2);
  expect(shouldYield()).toBe(false);
});

test("work is done in one of 17 turns while every turn accepts a connection", async () => {
  const seen: boolean[] = [];
  for (let i = 0; i < 100; i++) {
    noteAccepted();
    seen.push(shouldYield());
    await eventLoopTurns(1);
  }
  const worked = seen.flatMap((isYielding, i) => (isYielding ? [] : [i]));
  expect(worked.length).toBeGreaterThanOrEqual(5);
  expect(worked.length).toBeLessThanOrEqual(6);
});

test("requests and sliced work wait for such a turn, and are done", async () => {
  for (noteAccepted(); !shouldYield(); noteAccepted()) await eventLoopTurns(2);
  let accepted = 0;
  let isStopped = false;
  const accept = () => {
    noteAccepted();
    accepted++;
    if (!isStopped) setImmediate(accept);
  };
  accept();
  const turns = new FairTurns();
  let startedAt = 0;
  turns.run({ connection: {}, address: () => "a" }, () => {
    startedAt = accepted;
  });
  expect(startedAt).toBe(0);
  const slices = createWorkSlices();
  await slices.next();
  await until("the request has started", () => startedAt > 0);
  expect(startedAt).toBeGreaterThan(1);
  expect(accepted).toBeGreaterThan(1);
  isStopped = true;
  await eventLoopTurns(2);
});
