/**
 * Backpressure on pushing sockets. A socket with too many bytes waiting for Redis is not read from until they are stored,
 * so TCP slows its client down. One bound is per socket, one for all sockets, and one is the memory budget.
 */
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { Counters } from "../../observe/counters.ts";

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
  /** @param lease memory of what waits; released when the socket has closed and nothing waits */
  open(socket: Pausable, lease: MemoryLease): InFlight;
}

/** The bounds, in bytes. */
export interface PushGateOptions {
  readonly perSocketBytes: number;
  readonly totalBytes: number;
  readonly counters: Counters;
}

/** Makes the gate of a gateway. */
export function createPushGate({ perSocketBytes, totalBytes, counters }: PushGateOptions): PushGate {
  let total = 0;
  /** Sockets that are paused though they are below their own bound again. */
  const waiting = new Set<() => void>();

  function wakeWaiting(): void {
    if (total > totalBytes / 2) return;
    for (const wake of waiting) wake();
    waiting.clear();
  }

  return {
    open(socket, lease) {
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
          lease.set(own);
          if (paused || (own <= perSocketBytes && total <= totalBytes && !lease.isOver())) return;
          paused = true;
          counters.pushPauses++;
          socket.pause();
        },
        remove(bytes) {
          own -= bytes;
          total -= bytes;
          lease.set(own);
          if (closed && own === 0) lease.release();
          if (paused && own <= perSocketBytes / 2) {
            if (total <= totalBytes) wake();
            else waiting.add(wake);
          }
          if (waiting.size > 0) wakeWaiting();
        },
        isEmpty: () => own === 0,
        close() {
          closed = true;
          if (own === 0) lease.release();
          waiting.delete(wake);
        },
      };
    },
  };
}
