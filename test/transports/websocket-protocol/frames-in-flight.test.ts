/** Frames in flight to a client that answers pings on request. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Chunks } from "../../../src/transports/response/memory/chunks.ts";
import { FramesInFlight } from "../../../src/transports/websocket-protocol/frames-in-flight.ts";

const LARGE = 300_000;
const SMALL = 30_000;
/** Round trip (ms) of a link that is not fast. */
const FAR_MS = 80;

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

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

test("on a fast link, two frames share a ping, and the next one waits for its pong", () => {
  const { inFlight, send, sendUntilPing, answer, isHeld } = open();
  answer();
  for (let pair = 0; pair < 3; pair++) {
    expect(sendUntilPing()).toBe(2);
    expect(isHeld()).toBe(true);
    answer();
    expect(isHeld()).toBe(false);
  }
  send(LARGE);
  expect(isHeld()).toBe(true);
  answer();
  expect(isHeld()).toBe(false);
  inFlight.stop();
});

test("far away, a ping follows each frame, and two may be in flight", () => {
  const { inFlight, sendUntilPing, pings, answer, isHeld } = open();
  vi.advanceTimersByTime(FAR_MS);
  answer();
  for (let pair = 0; pair < 3; pair++) {
    expect(sendUntilPing()).toBe(1);
    expect(isHeld()).toBe(false);
    const [first] = pings.splice(0);
    expect(sendUntilPing()).toBe(1);
    expect(isHeld()).toBe(true);
    vi.advanceTimersByTime(FAR_MS);
    inFlight.pong(first ?? new Uint8Array());
    expect(isHeld()).toBe(false);
    answer();
  }
  inFlight.stop();
});

test("on a slow link, one frame is in flight, also after a pair", () => {
  const { inFlight, sendUntilPing, answer, isHeld } = open();
  answer();
  expect(sendUntilPing()).toBe(2);
  vi.advanceTimersByTime(FAR_MS);
  answer();
  for (let frame = 0; frame < 3; frame++) {
    expect(sendUntilPing()).toBe(1);
    expect(isHeld()).toBe(true);
    vi.advanceTimersByTime(FAR_MS);
    answer();
    expect(isHeld()).toBe(false);
  }
  inFlight.stop();
});

test("on a fast link, frames of a few kilobytes share a ping up to 16 KB, and count as one frame", () => {
  const { inFlight, sendUntilPing, answer, isHeld } = open();
  answer();
  for (let ping = 0; ping < 3; ping++) {
    expect(sendUntilPing(4000)).toBe(5);
    expect(isHeld()).toBe(false);
    answer();
  }
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
