/** Write progress of one socket with unsent bytes, by the bytes that the kernel accepted and that the client acknowledged. */
import type { Socket } from "node:net";
import { handleOf, tcpSocketOf } from "./stream-handle.ts";

/** Minimum bytes that count as progress. */
const MIN_PROGRESS_BYTES = 16 * 1024;

/** Returns the bytes that the kernel accepted since the socket opened. */
function acceptedBytes(socket: Socket, below: Socket): number {
  const { bytesWritten, writeQueueSize } = handleOf(below) ?? {};
  return bytesWritten === undefined || writeQueueSize === undefined
    ? socket.bytesWritten - socket.writableLength
    : bytesWritten - writeQueueSize;
}

/** Kernel observations of a suspect since its last progress. Times in ms of `performance.now()`. */
interface Observation {
  readonly acknowledged: number;
  readonly sinceMs: number;
  untilMs: number;
}

/** Progress of a socket. */
export class SocketProgress {
  readonly socket: Socket;
  /** TCP socket below `socket`, which may use TLS. */
  readonly below: Socket;
  #accepted: number;
  #movedAt: number;
  #observation: Observation | undefined;
  #isKernelSilent = false;

  /** @param now in ms of `performance.now()` */
  constructor(socket: Socket, now: number) {
    this.socket = socket;
    this.below = tcpSocketOf(socket);
    this.#accepted = acceptedBytes(socket, this.below);
    this.#movedAt = now;
  }

  get descriptor(): number | undefined {
    return handleOf(this.below)?.fd;
  }

  /** Returns the time (ms) without progress; 0 if the socket has just made some. */
  stalledMs(now: number): number {
    const current = acceptedBytes(this.socket, this.below);
    if (current - this.#accepted < MIN_PROGRESS_BYTES) return now - this.#movedAt;
    this.#accepted = current;
    this.#observation = undefined;
    this.#movedAt = now;
    return 0;
  }

  /** Notes the kernel's report. @param unacknowledged bytes in its send queue; undefined if unknown */
  note(unacknowledged: number | undefined, now: number): void {
    this.#isKernelSilent = unacknowledged === undefined;
    if (unacknowledged === undefined) return;
    const acknowledged = acceptedBytes(this.socket, this.below) - unacknowledged;
    const before = this.#observation;
    if (before !== undefined && acknowledged - before.acknowledged < MIN_PROGRESS_BYTES) {
      before.untilMs = now;
      return;
    }
    if (before !== undefined) this.#movedAt = now;
    this.#observation = { acknowledged, sinceMs: now, untilMs: now };
  }

  /**
   * Whether the client makes no progress. With many sockets the kernel tables take seconds to read. A socket is stalled after
   * two timeouts in any case.
   */
  isStalled(ms: number, timeoutMs: number): boolean {
    if (ms <= timeoutMs) return false;
    const observed = this.#observation;
    const observedMs = observed === undefined ? 0 : observed.untilMs - observed.sinceMs;
    return this.#isKernelSilent || observedMs >= timeoutMs / 4 || ms > 2 * timeoutMs;
  }
}
