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
  let frame: Chunks | undefined;
  const take = (ping?: Chunks) => ping?.parts.forEach((part) => void pings.push(part.subarray(2)));
  const inFlight = new FramesInFlight(
    {
      // The first ping precedes all frames; each other one leaves with its frame.
      write: (chunks, next) => take(chunks === frame ? next : chunks),
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
  const send = (bytes: number) => {
    frame = { parts: [], bytes };
    inFlight.write(frame);
  };
  /** Sends frames up to the first one that has a ping. @returns their number */
  function sendUntilPing(bytes = SMALL): number {
    let frames = 0;
    for (; pings.length === 0; frames++) send(bytes);
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

test("frames of a few kilobytes share a ping up to 16 KB, however many were sent", async () => {
  const { inFlight, sendUntilPing, answer } = open();
  const bytes = 4000;
  const most = Math.ceil((16 * 1024) / bytes);
  let full = 0;
  await until("as many as possible share a ping, three times", () => {
    answer();
    const frames = sendUntilPing(bytes);
    expect(frames).toBeLessThanOrEqual(most);
    if (frames === most) full++;
    return full === 3;
  });
  inFlight.stop();
});

test("the pong to a ping without a payload answers all pings before it", () => {
  const { inFlight, send, pings, answer, isHeld } = open();
  answer();
  send(LARGE);
  expect(isHeld()).toBe(true);
  pings.splice(0);
  inFlight.pong(new Uint8Array());
  expect(isHeld()).toBe(false);
  // Those that arrive later have no effect.
  send(LARGE);
  inFlight.pong(Uint8Array.of(1));
  expect(isHeld()).toBe(true);
  answer();
  expect(isHeld()).toBe(false);
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
