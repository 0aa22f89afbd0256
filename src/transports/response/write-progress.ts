/**
 * Write timeout: destroys sockets whose client reads none of the bytes sent to it. A slow client stays connected as long
 * as it makes progress.
 */
import { Socket } from "node:net";
import type { Logger } from "../../domain/logger.ts";
import { readKernelQueues } from "./kernel-queues.ts";

/** Settings and outputs. */
export interface WriteProgressOptions {
  readonly writeTimeoutMs: number;
  /** Whether other clients wait for memory. If so, a socket with many unread bytes has a shorter timeout. */
  readonly isShort: () => boolean;
  readonly onWriteTimeout: () => void;
  readonly logger: Logger;
}

/** Write progress of one socket with unsent bytes. */
export interface WriteProgress {
  /** Destroys the socket if its client made no progress within the timeout. @param now in ms of `performance.now()` */
  check(now: number): void;
}

/** Write progress of the sockets of one server. */
export interface WriteProgresses {
  /** Starts tracking a socket with unsent bytes. @param now in ms of `performance.now()` */
  begin(socket: Socket, now: number): WriteProgress;
  /** Reads the kernel's send queues of the sockets that `check` found without progress, a few times per timeout at most. */
  consultKernel(now: number): void;
}

/** Minimum bytes that count as progress. */
const MIN_PROGRESS_BYTES = 16 * 1024;
/** Timeout (ms) of a socket with at least `MANY_BYTES` unsent while other clients wait for memory. */
const SHORT_TIMEOUT_MS = 5_000;
const MANY_BYTES = 256 * 1024;
/** Minimum time (ms) between two log lines about closed sockets. */
const LOG_EVERY_MS = 10_000;

/** Fields of Node's stream handles that show what the kernel accepted. Node's own socket timeout reads them too. */
interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  readonly fd?: number;
}

const handleOf = (socket: Socket): Handle | undefined =>
  (socket as { _handle?: Handle | null })._handle ?? undefined;

/** Returns the TCP socket of a socket: for TLS, the socket below it. */
export function tcpSocketOf(socket: Socket): Socket {
  const { _parent: parent } = socket as { _parent?: unknown };
  return parent instanceof Socket ? parent : socket;
}

/** Returns the bytes that the kernel accepted since the socket opened. */
function acceptedBytes(socket: Socket, below: Socket): number {
  const { bytesWritten, writeQueueSize } = handleOf(below) ?? {};
  return bytesWritten === undefined || writeQueueSize === undefined
    ? socket.bytesWritten - socket.writableLength
    : bytesWritten - writeQueueSize;
}

/** A socket that may be stalled. */
interface Suspect {
  readonly descriptor: number | undefined;
  /** @param unacknowledged bytes in the kernel's send queue; undefined if unknown */
  note(unacknowledged: number | undefined, now: number): void;
}

/** Kernel observations of a suspect since its last progress. Times in ms of `performance.now()`. */
interface Observation {
  readonly acknowledged: number;
  readonly sinceMs: number;
  untilMs: number;
}

/** Creates the write timeout of one server. */
export function createWriteProgress(options: WriteProgressOptions): WriteProgresses {
  const { onWriteTimeout, isShort, logger } = options;
  let suspects: Suspect[] = [];
  let consultedAt = Number.NEGATIVE_INFINITY;
  let isConsulting = false;
  let loggedAt = Number.NEGATIVE_INFINITY;
  let suppressed = 0;

  const timeoutMs = (): number =>
    isShort() ? Math.min(options.writeTimeoutMs, SHORT_TIMEOUT_MS) : options.writeTimeoutMs;

  const timeoutOf = ({ writableLength }: Socket): number =>
    writableLength >= MANY_BYTES ? timeoutMs() : options.writeTimeoutMs;

  function end(socket: Socket, below: Socket, now: number): void {
    onWriteTimeout();
    suppressed++;
    if (now - loggedAt >= LOG_EVERY_MS) {
      const facts = {
        address: below.remoteAddress,
        waitingBytes: socket.writableLength,
        connections: suppressed,
      };
      logger.warn(facts, "closed a connection whose client does not read");
      loggedAt = now;
      suppressed = 0;
    }
    // A reset frees the send buffer in the kernel, which a client that does not read would keep allocated.
    if (below === socket) socket.resetAndDestroy();
    else socket.destroy();
  }

  function begin(socket: Socket, now: number): WriteProgress {
    const below = tcpSocketOf(socket);
    let accepted = acceptedBytes(socket, below);
    let movedAt = now;
    let observation: Observation | undefined;
    let isKernelSilent = false;
    const suspect: Suspect = {
      get descriptor() {
        return handleOf(below)?.fd;
      },
      note(unacknowledged, notedAt) {
        isKernelSilent = unacknowledged === undefined;
        if (unacknowledged === undefined) return;
        const acknowledged = acceptedBytes(socket, below) - unacknowledged;
        if (observation !== undefined && acknowledged - observation.acknowledged < MIN_PROGRESS_BYTES) {
          observation.untilMs = notedAt;
          return;
        }
        if (observation !== undefined) movedAt = notedAt;
        observation = { acknowledged, sinceMs: notedAt, untilMs: notedAt };
      },
    };

    /** With many sockets the kernel tables take seconds to read. A socket is destroyed after two timeouts in any case. */
    function isStalled(ms: number, writeTimeoutMs: number): boolean {
      if (ms <= writeTimeoutMs) return false;
      const observedMs = observation === undefined ? 0 : observation.untilMs - observation.sinceMs;
      return isKernelSilent || observedMs >= writeTimeoutMs / 4 || ms > 2 * writeTimeoutMs;
    }

    return {
      check(checkedAt) {
        const current = acceptedBytes(socket, below);
        if (current - accepted >= MIN_PROGRESS_BYTES) {
          accepted = current;
          observation = undefined;
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
      // The descriptor may belong to another socket by now.
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
