/**
 * Command pipeline of a connection. The commands of one event-loop turn leave in one write, and replies are matched to
 * commands in order.
 */
import { createFifo } from "../../domain/fifo.ts";
import { type Done, ReplyLostError } from "./command-result.ts";
import { type Reply, ReplyError } from "./reader.ts";
import { CommandWriter } from "./writer.ts";

/** Destination of a pipeline's bytes. */
export interface Output {
  write(parts: readonly Uint8Array[]): void;
}

/** Commands that were written, or are about to be, and wait for their replies. */
export class Pipeline {
  /** Called before the commands of a turn are written. */
  readonly #onFlush: () => void;
  #output: Output | undefined;
  #writer = new CommandWriter();
  /**
   * Callbacks of the commands that wait for their replies. An answered one leaves it at once: a callback refers to its reply,
   * and under load the queue is never empty, so that thousands of pages would stay in memory.
   */
  readonly #sent = createFifo<Done>();
  #isFlushScheduled = false;

  constructor(onFlush: () => void) {
    this.#onFlush = onFlush;
  }

  /** Whether a command waits for its reply. */
  get isPending(): boolean {
    return this.#sent.size > 0;
  }

  /** Sets the socket that the bytes are written to. */
  attach(output: Output): void {
    this.#output = output;
  }

  /** Discards unwritten bytes. Commands that wait for their replies remain until `failAll`. */
  detach(): void {
    this.#output = undefined;
    this.#writer = new CommandWriter();
  }

  /** Adds a command that `encode` writes. */
  add(encode: (out: CommandWriter) => void, done: Done): void {
    encode(this.#writer);
    this.#sent.add(done);
    this.flushSoon();
  }

  /** Schedules a write for the end of this turn. */
  flushSoon(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#flush);
  }

  /** Hands a reply to the oldest command. @throws Error if no command waits for a reply */
  settle(reply: Reply): void {
    const done = this.#sent.take();
    if (done === undefined) throw new Error("received a reply without a pending command");
    if (reply instanceof ReplyError) done(reply, null);
    else done(undefined, reply);
  }

  /** Fails all commands that wait for their replies. */
  failAll(): void {
    for (const done of this.#sent.takeAll()) done(new ReplyLostError(), null);
  }

  readonly #flush = (): void => {
    if (this.#output !== undefined) this.#onFlush();
    this.#isFlushScheduled = false;
    const parts = this.#writer.take();
    if (parts.length > 0) this.#output?.write(parts);
  };
}
