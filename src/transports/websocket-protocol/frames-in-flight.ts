/**
 * Limits the frames in flight to a reader of newest entries. The kernel and the network buffer megabytes. On a slow link the
 * newest frame would be delayed for seconds by the frames before it. A ping therefore follows each frame. Clients answer pings
 * in order, so the pong shows that the frame has arrived, and the next frame can be sent:
 *
 *     frame, ping ──▶ … ──▶ pong: send the newest frame
 *
 * One frame is in flight at a time, or two if the round trip takes longer than the transfer of a frame. The link would
 * otherwise be idle until the pong arrives. Nothing follows a frame of `aloneBytes` or more until its pong. A pong
 * costs as much as a small frame, so on a fast link two frames share a ping, or several small ones:
 *
 *     frame, frame, ping ──▶ … ──▶ pong: send the next two
 */
import type { Sink } from "../../live/sink.ts";
import type { ChunksSink } from "../response/byte-sink.ts";
import type { Chunks } from "../response/memory/chunks.ts";

/** Subscription that is paused while too many frames are in flight. */
interface Held {
  pause(reason: "in-flight"): void;
  resume(reason: "in-flight"): void;
}

const PING = 0x89;
/** Pings carry a number modulo this value, which identifies the few pings in flight. */
const NUMBERS = 256;
const pings: readonly Chunks[] = Array.from({ length: NUMBERS }, (_, number) => ({
  parts: [Uint8Array.of(PING, 1, number)],
  bytes: 3,
}));

/** Frames up to this total size (bytes) count as one. Slow links transfer more than this in a second. */
const SHARED_BYTES = 16 * 1024;
/** A round trip up to this time (ms) counts as fast. Two frames may then be in flight. */
const PROMPT_MS = 5;
/**
 * Time (ms) without any pong after which the gateway assumes that the client does not answer pings, and stops limiting. The
 * first ping precedes all frames, so the time does not depend on their size.
 */
const NO_ANSWER_MS = 5000;

/** A sink of the frames to one client. A ping leaves in the same system call as its frame. */
export class FramesInFlight implements Sink<Chunks> {
  readonly #sink: ChunksSink;
  readonly #aloneBytes: number;
  #held: Held | undefined;
  /** Number of pings sent and answered. Pings carry these numbers modulo `NUMBERS`. */
  #sentPings = 0;
  #answeredPings = 0;
  /** Send times of unanswered pings, oldest first, in ms of `performance.now()`. */
  #sentAt: number[] = [];
  #roundTripMs = Number.POSITIVE_INFINITY;
  /** Maximum number of frames below `aloneBytes` in flight. */
  #max = 1;
  /** Whether the last frame had `aloneBytes` or more. */
  #isAlone = false;
  #isPrompt = false;
  /** Whether the last ping follows two frames, of which the first has none. */
  #isPair = false;
  /** Bytes sent since the last ping. */
  #unmarkedBytes = 0;
  #noAnswer: NodeJS.Timeout | undefined;
  #isOff = false;

  /** @param aloneBytes size from which a frame is sent alone, so that other messages wait for one frame at most */
  constructor(sink: ChunksSink, aloneBytes = Number.POSITIVE_INFINITY) {
    this.#sink = sink;
    this.#aloneBytes = aloneBytes;
  }

  /** Starts to measure the round trip, before the first frame. */
  start(held: Held): void {
    this.#held = held;
    const ping = this.#nextPing();
    if (ping !== undefined) this.#sink.write(ping);
    this.#noAnswer = setTimeout(() => this.#turnOff(), NO_ANSWER_MS);
  }

  write(frame: Chunks): void {
    const ping = this.#pingAfter(frame.bytes);
    this.#sink.write(frame, ping);
    if (ping !== undefined && !this.#hasRoom()) this.#held?.pause("in-flight");
  }

  isEmpty(): boolean {
    return this.#sink.isEmpty();
  }

  isFull(): boolean {
    return this.#sink.isFull();
  }

  whenDrained(callback: () => void): void {
    this.#sink.whenDrained(callback);
  }

  /**
   * Handles a pong of the client. One without a payload answers a ping that keeps the connection alive, and all pings before it: a
   * client that has read several at once may answer only the last one (RFC 6455, section 5.5.3).
   */
  pong(payload: Uint8Array): void {
    if (this.#isOff) return;
    const [number] = payload;
    if (payload.length === 0) this.#answerAll();
    if (payload.length !== 1 || number === undefined) return;
    const answered = (number - (this.#answeredPings % NUMBERS) + NUMBERS + 1) % NUMBERS;
    if (answered === 0 || answered > this.#sentAt.length) return;
    clearTimeout(this.#noAnswer);
    this.#answeredPings += answered;
    const [at = 0] = this.#sentAt.splice(0, answered).slice(-1);
    const tookMs = performance.now() - at;
    this.#roundTripMs = Math.min(this.#roundTripMs, tookMs);
    this.#isPrompt = tookMs < PROMPT_MS;
    // Time beyond the round trip is the transfer time of this frame and of the frames before it.
    this.#max = tookMs < 2 * Math.max(this.#roundTripMs, PROMPT_MS) ? 2 : 1;
    if (this.#hasRoom()) this.#held?.resume("in-flight");
  }

  stop(): void {
    clearTimeout(this.#noAnswer);
  }

  #answerAll(): void {
    if (this.#sentAt.length === 0) return;
    clearTimeout(this.#noAnswer);
    this.#answeredPings = this.#sentPings;
    this.#sentAt = [];
    // How long they took is not known.
    this.#isPrompt = false;
    this.#max = 1;
    this.#held?.resume("in-flight");
  }

  #hasRoom(): boolean {
    const marked = this.#sentPings - this.#answeredPings;
    return marked === 0 || marked + (this.#isPair ? 1 : 0) < (this.#isAlone ? 1 : this.#max);
  }

  /** Returns the ping that follows a frame; undefined if none does. */
  #pingAfter(bytes: number): Chunks | undefined {
    const before = this.#unmarkedBytes;
    this.#unmarkedBytes += bytes;
    const isFast = this.#isPrompt && this.#sentAt.length === 0;
    const isFirst = this.#unmarkedBytes < SHARED_BYTES || (before === 0 && bytes < this.#aloneBytes);
    if (this.#isOff || (isFast && isFirst)) return undefined;
    this.#unmarkedBytes = 0;
    this.#isPair = before >= SHARED_BYTES;
    this.#isAlone = bytes >= this.#aloneBytes;
    return this.#nextPing();
  }

  #nextPing(): Chunks | undefined {
    this.#sentAt.push(performance.now());
    return pings[this.#sentPings++ % NUMBERS];
  }

  #turnOff(): void {
    this.#isOff = true;
    this.#sentAt = [];
    this.#held?.resume("in-flight");
  }
}
