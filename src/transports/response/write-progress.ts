/**
 * Progress of writes: a socket whose client takes none of the bytes that wait for it is destroyed after a time. A client
 * that is merely slow is not, as long as bytes move.
 */
import { Socket } from "node:net";
import type { Logger } from "../../domain/logger.ts";
import { readKernelQueues } from "./kernel-queues.ts";

/** Settings and outputs. */
export interface WriteProgressOptions {
  readonly writeTimeoutMs: number;
  /** Whether others wait for memory: then a socket with many unread bytes has less time. */
  readonly isShort: () => boolean;
  readonly onWriteTimeout: () => void;
  readonly logger: Logger;
}

/** The progress of one socket that has unsent bytes. */
export interface WriteProgress {
  /** Destroys the socket if its client has taken nothing for too long. @param now in ms of `performance.now()` */
  check(now: number): void;
}

/** Makes the progress of sockets. */
export interface WriteProgresses {
  /** Begins with a socket that has unsent bytes. @param now in ms of `performance.now()` */
  begin(socket: Socket, now: number): WriteProgress;
  /** Consults the kernel about the sockets that `check` found without progress, at most a few times per timeout. */
  consultKernel(now: number): void;
}

/** Bytes that a client must take within the timeout, if as many wait: less is no progress. */
const LEAST_BYTES = 16 * 1024;
/** Timeout (ms) of a socket with `MANY_BYTES` unread or more while others wait for memory. */
const SHORT_TIMEOUT_MS = 5_000;
const MANY_BYTES = 256 * 1024;
/** How often (ms), at most, closed sockets are logged. */
const LOG_EVERY_MS = 10_000;

/** The part of Node's stream handles that shows what the kernel has accepted; Node's own socket timeout reads it too. */
interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  readonly fd?: number;
}

const handleOf = (socket: Socket): Handle | undefined =>
  (socket as { _handle?: Handle | null })._handle ?? undefined;

/** The TCP socket of a socket: under TLS another one than the socket that is written to. */
export function tcpSocketOf(socket: Socket): Socket {
  const { _parent: parent } = socket as { _parent?: unknown };
  return parent instanceof Socket ? parent : socket;
}

/** Bytes that the kernel has accepted since the socket opened. */
function acceptedBytes(socket: Socket, below: Socket): number {
  const { bytesWritten, writeQueueSize } = handleOf(below) ?? {};
  return bytesWritten === undefined || writeQueueSize === undefined
    ? socket.bytesWritten - socket.writableLength
    : bytesWritten - writeQueueSize;
}

/** A socket without progress. */
interface Suspect {
  readonly descriptor: number | undefined;
  /** @param unacknowledged bytes that the kernel still holds; undefined where it does not say */
  note(unacknowledged: number | undefined, now: number): void;
}

/** What the kernel said about a suspect since bytes moved last. Times in ms of `performance.now()`. */
interface Testimony {
  readonly acknowledged: number;
  readonly sinceMs: number;
  untilMs: number;
}

/** Makes the progress of the sockets of one server. */
export function createWriteProgress(options: WriteProgressOptions): WriteProgresses {
  const { onWriteTimeout, isShort, logger } = options;
  let suspects: Suspect[] = [];
  let consultedAt = Number.NEGATIVE_INFINITY;
  let isConsulting = false;
  let loggedAt = Number.NEGATIVE_INFINITY;
  let unlogged = 0;

  const timeoutMs = (): number =>
    isShort() ? Math.min(options.writeTimeoutMs, SHORT_TIMEOUT_MS) : options.writeTimeoutMs;

  const timeoutOf = ({ writableLength }: Socket): number =>
    writableLength >= MANY_BYTES ? timeoutMs() : options.writeTimeoutMs;

  function end(socket: Socket, below: Socket, now: number): void {
    onWriteTimeout();
    unlogged++;
    if (now - loggedAt >= LOG_EVERY_MS) {
      const facts = {
        address: below.remoteAddress,
        waitingBytes: socket.writableLength,
        connections: unlogged,
      };
      logger.warn(facts, "closed a connection whose client does not read");
      loggedAt = now;
      unlogged = 0;
    }
    // A reset frees what the kernel holds, which a client that does not read would keep there.
    if (below === socket) socket.resetAndDestroy();
    else socket.destroy();
  }

  function begin(socket: Socket, now: number): WriteProgress {
    const below = tcpSocketOf(socket);
    let accepted = acceptedBytes(socket, below);
    let movedAt = now;
    let testimony: Testimony | undefined;
    let isKernelMute = false;
    const suspect: Suspect = {
      get descriptor() {
        return handleOf(below)?.fd;
      },
      note(unacknowledged, notedAt) {
        isKernelMute = unacknowledged === undefined;
        if (unacknowledged === undefined) return;
        const acknowledged = acceptedBytes(socket, below) - unacknowledged;
        if (testimony !== undefined && acknowledged - testimony.acknowledged < LEAST_BYTES) {
          testimony.untilMs = notedAt;
          return;
        }
        if (testimony !== undefined) movedAt = notedAt;
        testimony = { acknowledged, sinceMs: notedAt, untilMs: notedAt };
      },
    };

    /** A kernel with many sockets takes seconds to answer, but no answer keeps a socket longer than a second timeout. */
    function isStalled(ms: number, writeTimeoutMs: number): boolean {
      if (ms <= writeTimeoutMs) return false;
      const observedMs = testimony === undefined ? 0 : testimony.untilMs - testimony.sinceMs;
      return isKernelMute || observedMs >= writeTimeoutMs / 4 || ms > 2 * writeTimeoutMs;
    }

    return {
      check(checkedAt) {
        const current = acceptedBytes(socket, below);
        if (current - accepted >= LEAST_BYTES) {
          accepted = current;
          testimony = undefined;
          movedAt = checkedAt;
          return;
        }
        const ms = checkedAt - movedAt;
        const writeTimeoutMs = timeoutOf(socket);
        if (isStalled(ms, writeTimeoutMs)) end(socket, below, checkedAt);
        else if (ms >= writeTimeoutMs / 2) suspects.push(suspect);
      },
    };
  }

  async function consult(consulted: readonly Suspect[]): Promise<void> {
    const byDescriptor = new Map<number, Suspect>();
    for (const suspect of consulted) {
      const { descriptor } = suspect;
      if (descriptor !== undefined && descriptor >= 0) byDescriptor.set(descriptor, suspect);
    }
    const queues = await readKernelQueues([...byDescriptor.keys()]);
    const now = performance.now();
    for (const [descriptor, suspect] of byDescriptor) {
      // In the meantime the descriptor may have been given to another socket.
      if (suspect.descriptor === descriptor) suspect.note(queues.get(descriptor), now);
    }
  }

  return {
    begin,
    consultKernel(now) {
      const consulted = suspects;
      suspects = [];
      if (consulted.length === 0 || isConsulting || now - consultedAt < timeoutMs() / 8) return;
      consultedAt = now;
      isConsulting = true;
      consult(consulted).finally(() => {
        isConsulting = false;
      });
    },
  };
}
