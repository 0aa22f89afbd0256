/** Pressure of new connections, and the order of work under it. */
import { expect, test } from "vitest";
import { AcceptPressure } from "../../../src/domain/scheduling/accept-pressure.ts";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

test("work yields in a turn that accepts a connection, and in no other", async () => {
  const pressure = new AcceptPressure();
  expect(pressure.shouldYield()).toBe(false);
  pressure.noteAccepted();
  expect(pressure.shouldYield()).toBe(true);
  await eventLoopTurns(2);
  expect(pressure.shouldYield()).toBe(false);
});

test.each([
  { turnMs: 0.1, from: 5, to: 6, name: "in one of 17 turns" },
  { turnMs: 4, from: 11, to: 12, name: "every 36 ms if turns take 4 ms" },
  { turnMs: 30, from: 50, to: 51, name: "in every second turn if turns take 30 ms" },
])("work is done $name while every turn accepts a connection", async ({ turnMs, from, to }) => {
  let now = 1000;
  const pressure = new AcceptPressure(() => now);
  const seen: boolean[] = [];
  for (let i = 0; i < 100; i++) {
    pressure.noteAccepted();
    seen.push(pressure.shouldYield());
    await eventLoopTurns(1);
    now += turnMs;
  }
  const worked = seen.filter((isYielding) => !isYielding).length;
  expect(worked).toBeGreaterThanOrEqual(from);
  expect(worked).toBeLessThanOrEqual(to);
});

test("requests and sliced work wait for such a turn, and are done", async () => {
  const { pressure, requests, slices: workSlices } = createTurns();
  for (pressure.noteAccepted(); !pressure.shouldYield(); pressure.noteAccepted()) await eventLoopTurns(2);
  let accepted = 0;
  let isStopped = false;
  const accept = () => {
    pressure.noteAccepted();
    accepted++;
    if (!isStopped) setImmediate(accept);
  };
  accept();
  let startedAt = 0;
  requests.run({ connection: {}, address: () => "a" }, () => {
    startedAt = accepted;
  });
  expect(startedAt).toBe(0);
  const slices = workSlices.begin();
  await slices.next();
  await until("the request has started", () => startedAt > 0);
  expect(startedAt).toBeGreaterThan(1);
  expect(accepted).toBeGreaterThan(1);
  isStopped = true;
  await eventLoopTurns(2);
});
