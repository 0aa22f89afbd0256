/**
 * Backpressure on sockets whose clients store entries. A socket with too many bytes waiting for Redis is not read until they
 * are stored, so that TCP slows its client down. There is a limit per socket, a limit for all sockets, and the memory budget.
 */
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Pausable } from "./pause-reasons.ts";

/** Bytes of one socket that wait for Redis. */
export interface InFlight {
  add(bytes: number): void;
  remove(bytes: number): void;
  /** Whether nothing waits. */
  isEmpty(): boolean;
  /** Called when the socket has closed. Waiting bytes keep counting until they are stored. */
  close(): void;
}

/** Gate that pauses pushing sockets. */
export interface PushGate {
  /** Registers a socket. @param lease memory of waiting bytes; released after the socket has closed and none wait */
  open(socket: Pausable, lease: MemoryLease): InFlight;
}

/** Limits of the gate, in bytes. */
export interface PushGateOptions {
  readonly perSocketBytes: number;
  readonly totalBytes: number;
  readonly counters: Counters;
}

/** Creates the gate of a gateway. */
export function createPushGate({ perSocketBytes, totalBytes, counters }: PushGateOptions): PushGate {
  let total = 0;
  /** Sockets below their own limit that stay paused because of the total limit. */
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
