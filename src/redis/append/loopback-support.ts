/**
 * Support of Redis for the loopback of an appending connection: nothing if the server or the user's permissions lack a command
 * that the loopback needs, and all but the streams that the user may write and not read.
 */
import { ReplyError } from "../resp/reader.ts";
import type { Loopback } from "./loopback.ts";

/** Streams remembered as sent outside of transactions. Above this, all are forgotten and detected again. */
const MAX_APART = 10_000;
/** A permission error about a key, not about a command. */
const KEY_PERMISSION = /^NOPERM .*\bkeys?\b/s;

/** Support of one connection, learned from the errors of Redis. */
export class LoopbackSupport {
  readonly #loopback: Loopback;
  /** Streams whose entries are sent as plain commands. */
  readonly #apart = new Set<string>();
  /** Whether the server supports everything that loopback needs. */
  #isAble = false;

  constructor(loopback: Loopback) {
    this.#loopback = loopback;
  }

  /** Whether the entries of a stream can be looped back. */
  covers(key: string): boolean {
    return this.#isAble && !this.#apart.has(key);
  }

  /** Call when the connection is open. @param isAble whether the server may support the loopback */
  opened(isAble: boolean): void {
    this.#isAble = isAble;
    this.#apart.clear();
  }

  /** Call when the connection is lost. */
  lost(): void {
    this.#isAble = false;
    this.#loopback.disturbAll();
  }

  /** Call with the result of a command that the loopback of all streams needs. */
  needed(error: Error | undefined): void {
    if (error instanceof ReplyError && this.#isAble) this.lost();
  }

  /**
   * Call with an error of a command on one stream. Remembers the stream if the user may not access its key.
   *
   * @returns whether the stream is known as one that the user may not access
   */
  rejected(error: ReplyError, key: string): boolean {
    if (!KEY_PERMISSION.test(error.message)) return this.#apart.has(key);
    if (this.#apart.size >= MAX_APART) this.#apart.clear();
    this.#apart.add(key);
    // Own entries of this stream are no longer looped back.
    this.#loopback.disturb(key);
    return true;
  }
}
