/**
 * Write timeout: destroys sockets whose client reads none of the bytes sent to it. A slow client stays connected as long
 * as it makes progress.
 */
import type { Socket } from "node:net";
import type { Logger } from "../../../domain/logger.ts";
import { readKernelSockets } from "./kernel-sockets.ts";
import type { SocketProgress } from "./socket-progress.ts";

/** Settings and outputs. */
export interface WriteProgressOptions {
  readonly writeTimeoutMs: number;
  /** Whether other clients wait for memory. If so, a socket with many unread bytes has a shorter timeout. */
  readonly isShort: () => boolean;
  readonly onWriteTimeout: () => void;
  readonly logger: Logger;
}

/** Timeout (ms) of a socket with at least `MANY_BYTES` unsent while other clients wait for memory. */
const SHORT_TIMEOUT_MS = 5_000;
const MANY_BYTES = 256 * 1024;
/** Minimum time (ms) between two log lines about closed sockets. */
const LOG_EVERY_MS = 10_000;

/** Write timeout of the sockets of one server. */
export class WriteTimeout {
  readonly #options: WriteProgressOptions;
  /** Sockets that may be stalled. */
  #suspects: SocketProgress[] = [];
  #consultedAt = Number.NEGATIVE_INFINITY;
  #isConsulting = false;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(options: WriteProgressOptions) {
    this.#options = options;
  }

  /** Destroys a socket if its client made no progress within the timeout. @param now in ms of `performance.now()` */
  check(progress: SocketProgress, now: number): void {
    const ms = progress.stalledMs(now);
    const timeoutMs = this.#timeoutOf(progress.socket);
    if (progress.isStalled(ms, timeoutMs)) this.#end(progress, now);
    else if (ms >= timeoutMs / 2) this.#suspects.push(progress);
  }

  /** Reads the kernel's send queues of the sockets that `check` found without progress, a few times per timeout at most. */
  consultKernel(now: number): void {
    const consulted = this.#suspects;
    this.#suspects = [];
    const isDue = now - this.#consultedAt >= this.#timeoutMs() / 8;
    if (consulted.length === 0 || this.#isConsulting || !isDue) return;
    this.#consultedAt = now;
    this.#isConsulting = true;
    consult(consulted).finally(() => {
      this.#isConsulting = false;
    });
  }

  #timeoutMs(): number {
    const { isShort, writeTimeoutMs } = this.#options;
    return isShort() ? Math.min(writeTimeoutMs, SHORT_TIMEOUT_MS) : writeTimeoutMs;
  }

  #timeoutOf({ writableLength }: Socket): number {
    return writableLength >= MANY_BYTES ? this.#timeoutMs() : this.#options.writeTimeoutMs;
  }

  #end({ socket, below }: SocketProgress, now: number): void {
    const { onWriteTimeout, logger } = this.#options;
    onWriteTimeout();
    this.#suppressed++;
    if (now - this.#loggedAt >= LOG_EVERY_MS) {
      const facts = {
        address: below.remoteAddress,
        waitingBytes: socket.writableLength,
        connections: this.#suppressed,
      };
      logger.warn(facts, "closed a connection whose client does not read");
      this.#loggedAt = now;
      this.#suppressed = 0;
    }
    // A reset frees the send buffer in the kernel, which a client that does not read would keep allocated.
    if (below === socket) socket.resetAndDestroy();
    else socket.destroy();
  }
}

async function consult(consulted: readonly SocketProgress[]): Promise<void> {
  const byDescriptor = new Map<number, SocketProgress>();
  for (const progress of consulted) {
    const { descriptor } = progress;
    if (descriptor !== undefined && descriptor >= 0) byDescriptor.set(descriptor, progress);
  }
  const sockets = await readKernelSockets([...byDescriptor.keys()]);
  const now = performance.now();
  for (const [descriptor, progress] of byDescriptor) {
    // The descriptor may belong to another socket by now.
    if (progress.descriptor === descriptor) progress.note(sockets.get(descriptor)?.queuedBytes, now);
  }
}
