/**
 * Limits the frames in flight to a `latest` reader. The kernel and the network buffer megabytes. On a slow link the newest
 * frame would be delayed for seconds by the frames before it. A ping therefore follows each frame. Clients answer pings in
 * order, so the pong shows that the frame has arrived, and the next frame can be sent:
 *
 *     frame, ping ──▶ … ──▶ pong: send the newest frame
 *
 * One frame is in flight at a time, or two if the round trip takes longer than the transfer of a frame. The link would
 * otherwise be idle until the pong arrives. A pong costs as much as a small frame, so small frames on a fast link share a
 * ping.
 */
import type { ByteSink } from "../../response/byte-sink.ts";
import type { Chunks } from "../../response/chunks.ts";

/** Subscription that is paused while too many frames are in flight. */
interface Held {
  pause(reason: "in-flight"): void;
  resume(reason: "in-flight"): void;
}

/** Frames in flight to one client. */
export interface FramesInFlight {
  /** Starts to measure the round trip, before the first frame. */
  start(held: Held): void;
  /** Records that a frame was written. */
  sent(bytes: number): void;
  /** Handles a pong of the client. */
  pong(payload: Uint8Array): void;
  stop(): void;
}

const PING = 0x89;
/** Pings carry a number modulo this value, which identifies the few pings in flight. */
const NUMBERS = 256;
const pings: readonly Chunks[] = Array.from({ length: NUMBERS }, (_, number) => ({
  parts: [Uint8Array.of(PING, 1, number)],
  bytes: 3,
}));

/** On a fast link, frames up to this total size (bytes) share a ping. Slow links transfer more than this in a second. */
const SHARED_BYTES = 16 * 1024;
/** A round trip up to this time (ms) counts as fast. Two frames may then be in flight. */
const PROMPT_MS = 5;
/**
 * Time (ms) without any pong after which the gateway assumes that the client does not answer pings, and stops limiting. The
 * first ping precedes all frames, so the time does not depend on their size.
 */
const NO_ANSWER_MS = 5000;

/** Creates the limit of one client. */
export function createFramesInFlight(sink: ByteSink): FramesInFlight {
  let held: Held | undefined;
  /** Number of pings sent and answered. Pings carry these numbers modulo `NUMBERS`. */
  let sentPings = 0;
  let answeredPings = 0;
  /** Send times of unanswered pings, oldest first, in ms of `performance.now()`. */
  let sentAt: number[] = [];
  let roundTripMs = Number.POSITIVE_INFINITY;
  let most = 1;
  let isPrompt = false;
  /** Bytes sent since the last ping. */
  let unmarkedBytes = 0;
  let noAnswer: NodeJS.Timeout | undefined;
  let isOff = false;

  function ping(): void {
    const chunks = pings[sentPings % NUMBERS];
    if (chunks !== undefined) sink.write(chunks);
    sentPings++;
    sentAt.push(performance.now());
  }

  function turnOff(): void {
    isOff = true;
    sentAt = [];
    held?.resume("in-flight");
  }

  return {
    start(given) {
      held = given;
      ping();
      noAnswer = setTimeout(turnOff, NO_ANSWER_MS);
    },
    sent(bytes) {
      unmarkedBytes += bytes;
      if (isOff || (isPrompt && sentAt.length === 0 && unmarkedBytes < SHARED_BYTES)) return;
      unmarkedBytes = 0;
      ping();
      if (sentPings - answeredPings >= most) held?.pause("in-flight");
    },
    pong(payload) {
      const [number] = payload;
      if (payload.length !== 1 || number === undefined || isOff) return;
      const answered = (number - (answeredPings % NUMBERS) + NUMBERS + 1) % NUMBERS;
      if (answered === 0 || answered > sentAt.length) return;
      clearTimeout(noAnswer);
      answeredPings += answered;
      const [at = 0] = sentAt.splice(0, answered).slice(-1);
      const tookMs = performance.now() - at;
      roundTripMs = Math.min(roundTripMs, tookMs);
      isPrompt = tookMs < PROMPT_MS;
      // Time beyond the round trip is the transfer time of this frame and of the frames before it.
      most = tookMs < 2 * Math.max(roundTripMs, PROMPT_MS) ? 2 : 1;
      if (sentPings - answeredPings < most) held?.resume("in-flight");
    },
    stop: () => clearTimeout(noAnswer),
  };
}
