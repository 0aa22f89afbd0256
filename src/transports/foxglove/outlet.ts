/**
 * Outlet of one viewer: the byte sink that all of its subscriptions share. A full sink pauses all of them, so that a viewer
 * that does not read holds no more than the sink. They resume in rotation: each channel that waits is served before another
 * one is served twice.
 */
import type { ServerMessage } from "../../wire/foxglove/server-messages.ts";
import type { ByteSink, ChunksSink } from "../response/byte-sink.ts";
import type { Chunks } from "../response/memory/chunks.ts";
import { createFrameWriter } from "../websocket-protocol/frames/frame-writer.ts";
import { type Member, Rotation } from "./subscriptions/rotation.ts";

/** Reactions of the viewer. */
export interface OutletHooks {
  /** The sink is full: nothing but the answer to a message in progress should be sent. */
  readonly onFull: () => void;
  /** The sink has room again; called before the subscriptions resume. */
  readonly onRoom: () => void;
  /** A frame lacks entries of a channel, because their payloads do not have its content. */
  readonly onHidden: (topic: string) => void;
}

/** A frame of messages, or other bytes. */
interface Written extends Chunks {
  /** See `MessageFrame`. */
  readonly hiddenOf?: string | undefined;
}

/** Estimated size of a text message, in bytes. */
const TEXT_BYTES = 256;

/** Writes messages and the frames of subscriptions. */
export class Outlet implements ChunksSink {
  readonly #sink: ByteSink;
  readonly #hooks: OutletHooks;
  readonly #subscriptions = new Rotation("sink-full");
  #isPaused = false;

  constructor(sink: ByteSink, hooks: OutletHooks) {
    this.#sink = sink;
    this.#hooks = hooks;
  }

  /** Sends a text message. */
  send(message: ServerMessage): void {
    const text = JSON.stringify(message);
    const out = createFrameWriter(text.length + TEXT_BYTES);
    out.text(text);
    this.#sink.write(out.take());
    this.isFull();
  }

  add(subscription: Member): void {
    this.#subscriptions.add(subscription);
  }

  remove(subscription: Member): void {
    this.#subscriptions.remove(subscription);
  }

  /** Call when a subscription has sent all existing entries. */
  caughtUp(subscription: Member): void {
    this.#subscriptions.caughtUp(subscription);
  }

  write(frame: Written, next?: Chunks): void {
    this.#sink.write(frame, next);
    if (frame.hiddenOf !== undefined) this.#hooks.onHidden(frame.hiddenOf);
  }

  isEmpty(): boolean {
    return this.#sink.isEmpty();
  }

  /** Whether the sink is full. Pauses the subscriptions if it has become full. */
  isFull(): boolean {
    if (!this.#isPaused && this.#sink.isFull()) {
      this.#isPaused = true;
      this.#sink.whenDrained(() => this.#drained());
      this.#hooks.onFull();
      this.#subscriptions.pause();
    }
    return this.#isPaused;
  }

  /** The subscription that calls this is paused already, and resumes in its turn. */
  whenDrained(): void {}

  flush(): void {
    this.#sink.flush();
  }

  #drained(): void {
    this.#isPaused = false;
    this.#hooks.onRoom();
    if (!this.isFull()) this.#subscriptions.resume();
  }
}
