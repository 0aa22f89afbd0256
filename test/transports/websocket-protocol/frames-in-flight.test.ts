/** Frames in flight to a client that answers pings at once. */
import { expect, test } from "vitest";
import { FramesInFlight } from "../../../src/transports/websocket-protocol/frames-in-flight.ts";
import { until } from "../../support/until.ts";

const LARGE = 300_000;
const SMALL = 30_000;

/** Opens it with a sink whose pings are answered on request. */
function open() {
  const pings: Uint8Array[] = [];
  let isHeld = false;
  const inFlight = new FramesInFlight(
    { write: ({ parts }) => parts.forEach((part) => void pings.push(part.subarray(2))) },
    LARGE,
  );
  inFlight.start({
    pause: () => {
      isHeld = true;
    },
    resume: () => {
      isHeld = false;
    },
  });
  const answer = () => pings.splice(0).forEach((ping) => void inFlight.pong(ping));
  return { inFlight, answer, isHeld: () => isHeld };
}

test("holds back after one large frame, and after two small ones", async () => {
  const { inFlight, answer, isHeld } = open();
  // On a machine that pauses, one round trip may take too long.
  await until("two small frames may be in flight", () => {
    answer();
    inFlight.sent(SMALL);
    return !isHeld();
  });
  inFlight.sent(SMALL);
  expect(isHeld()).toBe(true);
  answer();
  inFlight.sent(LARGE);
  expect(isHeld()).toBe(true);
  answer();
  expect(isHeld()).toBe(false);
  inFlight.stop();
});

test("sends nothing more while a large frame is in flight after a small one", async () => {
  const { inFlight, answer, isHeld } = open();
  answer();
  inFlight.sent(SMALL);
  inFlight.sent(LARGE);
  expect(isHeld()).toBe(true);
  answer();
  expect(isHeld()).toBe(false);
  inFlight.stop();
});
