/**
 * Writes the states of a playback between its frames. A client that does not read, but sends commands, would fill its sink:
 * while the sink is full, only the last state is kept, and sent before the next frame.
 */
import type { Sink } from "../../live/sink.ts";
import type { PlaybackNotice } from "../../wire/notices/playback-notice.ts";

/** Delay (ms) after which a kept state is tried again. */
const RETRY_MS = 250;

/** A sink for frames and states. */
export class PlaybackStates<Frame> implements Sink<Frame> {
  readonly #sink: Sink<Frame>;
  readonly #frames: Sink<Frame>;
  readonly #encode: (state: PlaybackNotice) => Frame | undefined;
  #kept: PlaybackNotice | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param encode returns undefined if the format has no notices
   * @param frames sink of the frames, if it is not that of the states
   */
  constructor(
    sink: Sink<Frame>,
    encode: (state: PlaybackNotice) => Frame | undefined,
    frames: Sink<Frame> = sink,
  ) {
    this.#sink = sink;
    this.#frames = frames;
    this.#encode = encode;
  }

  write(frame: Frame): void {
    this.#writeKept();
    this.#frames.write(frame);
  }

  isEmpty(): boolean {
    return this.#frames.isEmpty?.() === true;
  }

  isFull(): boolean {
    return this.#frames.isFull();
  }

  whenDrained(callback: () => void): void {
    this.#frames.whenDrained(callback);
  }

  /** Sends a state, or keeps it while the sink is full. */
  report(state: PlaybackNotice): void {
    this.#kept = state;
    this.#tryKept();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tryKept(): void {
    clearTimeout(this.#timer);
    if (this.#sink.isFull()) this.#timer = setTimeout(() => this.#tryKept(), RETRY_MS);
    else this.#writeKept();
  }

  #writeKept(): void {
    const state = this.#kept;
    if (state === undefined) return;
    this.#kept = undefined;
    clearTimeout(this.#timer);
    const message = this.#encode(state);
    if (message !== undefined) this.#sink.write(message);
  }
}
