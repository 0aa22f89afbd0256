/** Activity of clients, by a clock of the test. */
import { expect, test } from "vitest";
import { ClientActivity, ENTRY_BYTES } from "../../../src/domain/scheduling/client-activity.ts";

let now = 0;
const clock = () => now;

test("is recent for a second after a client received or stored something", () => {
  const activity = new ClientActivity(clock);
  expect(activity.isRecent()).toBe(false);
  for (const serve of [() => activity.received(), () => activity.stored(1)]) {
    now += 10_000;
    serve();
    expect(activity.isRecent()).toBe(true);
    now += 999;
    expect(activity.isRecent()).toBe(true);
    now += 1;
    expect(activity.isRecent()).toBe(false);
  }
});

test("knows how many bytes clients store per second, with the cost of their entries", () => {
  const activity = new ClientActivity(clock);
  activity.stored(3000 - ENTRY_BYTES);
  now += 2000;
  expect(activity.storedPerSecond()).toBe(1500);
  activity.stored(5000 - ENTRY_BYTES);
  now += 999;
  expect(activity.storedPerSecond()).toBe(1500);
  now += 1;
  expect(activity.storedPerSecond()).toBe(5000);
  now += 1000;
  expect(activity.storedPerSecond()).toBe(0);
});
