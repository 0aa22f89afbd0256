/** Frames in flight to a client that answers pings at once. */
import { expect, test } from "vitest";
import type { Chunks } from "../../../src/transports/response/memory/chunks.ts";
import { FramesInFlight } from "../../../src/transports/websocket-protocol/frames-in-flight.ts";
import { until } from "../../support/until.ts";

const LARGE = 300_000;
const SMALL = 30_000;

/** Opens it with a sink whose pings are answered on request. */
function open() {
  const pings: Uint8Array[] = [];
  let isHeld = false;
  const take = (ping?: Chunks) => ping?.parts.forEach((part) => void pings.push(part.subarray(2)));
  const inFlight = new FramesInFlight(
    {
      // The first ping precedes all frames.
      write: (chunks, next) => take(chunks.bytes < SMALL ? chunks : next),
      isEmpty: () => true,
      isFull: () => false,
      whenDrained: () => undefined,
    },
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
  const send = (bytes: number) => inFlight.write({ parts: [], bytes });
  /** Sends small frames up to the first one that has a ping. @returns their number */
  function sendUntilPing(): number {
    let frames = 0;
    for (; pings.length === 0; frames++) send(SMALL);
    return frames;
  }
  return { inFlight, send, sendUntilPing, pings, answer, isHeld: () => isHeld };
}

test("holds back after one large frame, and after two small ones", async () => {
  const { inFlight, send, sendUntilPing, answer, isHeld } = open();
  // On a machine that pauses, one round trip may take too long.
  await until("two small frames may be in flight", () => {
    answer();
    sendUntilPing();
    return !isHeld();
  });
  send(SMALL);
  expect(isHeld()).toBe(true);
  answer();
  send(LARGE);
  expect(isHeld()).toBe(true);
  answer();
  expect(isHeld()).toBe(false);
  inFlight.stop();
});

test("frames share a ping up to the size that a fast link has just transferred, and up to 256 KB", async () => {
  const { inFlight, send, sendUntilPing, pings, answer } = open();
  const shared = Math.floor((256 * 1024) / SMALL);
  let most = 0;
  await until("as many frames as possible share a ping", () => {
    answer();
    const frames = sendUntilPing();
    expect(frames - 1).toBeLessThanOrEqual(Math.min(most + 1, shared));
    most = Math.max(most, frames - 1);
    return frames - 1 === shared;
  });
  answer();
  send(LARGE);
  expect(pings.length).toBe(1);
  inFlight.stop();
});

test("sends nothing more while a large frame is in flight after a small one", async () => {
  const { inFlight, send, answer, isHeld } = open();
  answer();
  send(SMALL);
  send(LARGE);
  expect(isHeld()).toBe(true);
  answer();
  expect(isHeld()).toBe(false);
  inFlight.stop();
});
