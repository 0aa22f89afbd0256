/**
 * Back pressure on whoever pushes: a socket with too many bytes waiting for Redis is no longer read from, so TCP slows
 * its client down, until what waits is stored. One bound is per socket, one for all together.
 */
import type { Tally } from "../../domain/tally.ts";

/** What can be stopped from sending. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** The bytes of one socket that wait for Redis. */
export interface InFlight {
  add(bytes: number): void;
  remove(bytes: number): void;
  /** Whether nothing waits. */
  isEmpty(): boolean;
  /** The socket is gone; what still waits goes on counting until it is stored. */
  close(): void;
}

/** Opens the account of a socket. */
export interface PushGate {
  open(socket: Pausable): InFlight;
}

/** The bounds, in bytes. */
export interface PushGateOptions {
  readonly perSocketBytes: number;
  readonly totalBytes: number;
  readonly tally: Tally;
}

/** Makes the gate of a gateway. */
export function createPushGate({ perSocketBytes, totalBytes, tally }: PushGateOptions): PushGate {
  let total = 0;
  /** Sockets that are paused though they are below their own bound again. */
  const waiting = new Set<() => void>();

  function wakeWaiting(): void {
    if (total > totalBytes / 2) return;
    for (const wake of waiting) wake();
    waiting.clear();
  }

  return {
    open(socket) {
      let own = 0;
      let paused = false;
      let closed = false;
      const wake = () => {
        paused = false;
        if (!closed) socket.resume();
      };
      return {
        add(bytes) {
          own += bytes;
          total += bytes;
          if (paused || (own <= perSocketBytes && total <= totalBytes)) return;
          paused = true;
          tally.pushPauses++;
          socket.pause();
        },
        remove(bytes) {
          own -= bytes;
          total -= bytes;
          if (paused && own <= perSocketBytes / 2) {
            if (total <= totalBytes) wake();
            else waiting.add(wake);
          }
          if (waiting.size > 0) wakeWaiting();
        },
        isEmpty: () => own === 0,
        close() {
          closed = true;
          waiting.delete(wake);
        },
      };
    },
  };
}
