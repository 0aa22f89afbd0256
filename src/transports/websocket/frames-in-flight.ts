/**
 * Bounds the frames of a `latest` reader that are on their way. The kernel and the network buffer megabytes, in which the
 * newest picture would wait behind those before it for seconds on a slow link. A ping follows each frame; clients answer
 * pings in order, so its pong says that the frame has arrived, and releases the next one:
 *
 *     frame, ping ──▶ … ──▶ pong: the next frame, which is the newest then
 *
 * One frame at a time, or two where the round trip takes longer than the frame itself, since the link would be idle while
 * the pong returns. A pong costs the gateway as much as a small frame, so while the link is prompt small frames share one.
 */
import type { ByteSink, Chunks } from "../response/byte-sink.ts";

/** What is held back. */
interface Held {
  pause(reason: "link"): void;
  resume(reason: "link"): void;
}

/** The frames on their way to one client. */
export interface FramesInFlight {
  /** Measures the round trip before the first frame. */
  start(held: Held): void;
  /** A frame was written. */
  sent(bytes: number): void;
  /** The client answered a ping. */
  pong(payload: Uint8Array): void;
  stop(): void;
}

const PING = 0x89;
/** Pings carry the number of their frame, which is enough to tell a few of them apart. */
const NUMBERS = 256;
const pings: readonly Chunks[] = Array.from({ length: NUMBERS }, (_, number) => ({
  parts: [Uint8Array.of(PING, 1, number)],
  bytes: 3,
}));

/** Frames on a prompt link share a ping up to so many bytes: less than what the slowest links in use carry in a second. */
const SHARED_BYTES = 16 * 1024;
/** A pong within this time (ms) is prompt on any link: then two frames may be on their way. */
const PROMPT_MS = 5;
/**
 * A client that has answered no ping for so long (ms) is taken for one that does not, and is not waited for. The first ping
 * precedes all frames, so the time does not depend on their size.
 */
const NO_ANSWER_MS = 5000;

/** Makes the bound of one client. */
export function createFramesInFlight(sink: ByteSink): FramesInFlight {
  let held: Held | undefined;
  /** Pings sent and answered, counted; the numbers on the wire are their remainders. */
  let sentPings = 0;
  let answeredPings = 0;
  /** When the unanswered pings were sent, oldest first, in ms of `performance.now()`. */
  let sentAt: number[] = [];
  let roundTripMs = Number.POSITIVE_INFINITY;
  let most = 1;
  let isPrompt = false;
  /** Bytes of frames since the last ping. */
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
    held?.resume("link");
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
      if (sentPings - answeredPings >= most) held?.pause("link");
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
      // What is beyond the round trip is the frame's own time, and that of frames before it.
      most = tookMs < 2 * Math.max(roundTripMs, PROMPT_MS) ? 2 : 1;
      if (sentPings - answeredPings < most) held?.resume("link");
    },
    stop: () => clearTimeout(noAnswer),
  };
}
