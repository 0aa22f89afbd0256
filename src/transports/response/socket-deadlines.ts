/**
 * Deadlines of accepted sockets. Every socket is in one of these states, and each ends at a known time:
 *
 * | state | destroyed |
 * | --- | --- |
 * | accepted, no request yet | `HANDSHAKE_TIMEOUT_MS` and the linger time after it was accepted |
 * | in use | when the client takes none of the bytes that wait for it for `WRITE_TIMEOUT_MS` |
 * | closing (`destroyWithin`) | at the time given |
 * | finished (`finish`): the last byte was written | when the client closes, or after the linger time |
 *
 * One timer sweeps all sockets; a socket costs no timer and no listener. What ends a socket in use otherwise is outside:
 * Node's request and keep-alive timeouts, WebSocket pings, and the bounds of the routes.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "../../domain/logger.ts";
import { createWriteProgress, tcpSocketOf, type WriteProgress } from "./write-progress.ts";

/** Settings and outputs of the deadlines. */
export interface SocketDeadlineOptions {
  /** Time (ms) for a first request. */
  readonly handshakeTimeoutMs: number;
  /** Time (ms) for a whole request; bounds how long a finished socket is read from. */
  readonly uploadTimeoutMs: number;
  /** Time (ms) without progress after which a socket with unsent bytes is destroyed. */
  readonly writeTimeoutMs: number;
  /** Whether others wait for memory. */
  readonly isShort: () => boolean;
  /** Called for each socket that a write timeout destroyed. */
  readonly onWriteTimeout: () => void;
  readonly logger: Logger;
}

/** Ends sockets in time. */
export interface SocketDeadlines {
  /** Bounds a TLS handshake on a TCP socket; `accept` of the TLS socket takes over. */
  acceptHandshake(socket: Socket): void;
  /** Watches a socket until it is destroyed. @returns false if it is watched already */
  accept(socket: Socket): boolean;
  /** A whole request head arrived, or a WebSocket opened: the socket has no deadline of its own. */
  use(socket: Socket): void;
  /** Destroys a socket at the latest in `ms`, whatever it does until then. An earlier deadline stays. */
  destroyWithin(socket: Socket, ms: number): void;
  /**
   * Ends the sending side. What the client still sends is read and discarded for a bounded time, since closing a socket
   * with unread bytes resets it, and the client may lose the answer.
   *
   * @param lastBytes written before the end
   */
  finish(socket: Duplex, lastBytes?: string): void;
  /** Whether a socket has bytes that its client has not taken yet. */
  isSending(): boolean;
  /** Shortens the linger time to what a stop can wait for. */
  beginClosing(): void;
  /** Destroys all sockets and stops the timer. */
  close(): void;
}

/** Longest silence (ms) of a client whose socket is finished. */
const LINGER_SILENCE_MS = 5_000;
/** Longest time (ms) for which a finished socket is read from. As nginx's `lingering_time`. */
const LINGER_MS = 30_000;
const CLOSING_LINGER_MS = 500;
/** Most bytes that are read from a finished socket. */
const LINGER_BYTES = 256 * 1024 * 1024;
const SWEEP_MS = 1_000;
const LEAST_SWEEP_MS = 20;

interface Watched {
  readonly socket: Socket;
  /** In ms of `performance.now()`. */
  deadline: number;
  /** Whether the deadline is that of the first request. */
  isNew: boolean;
  /** Present while bytes are unsent. */
  progress: WriteProgress | undefined;
  /** Present after `finish`. */
  linger: Linger | undefined;
}

/** The end of a finished socket. */
interface Linger {
  /** When the last byte had left the process; undefined before. In ms of `performance.now()`. */
  sinceMs: number | undefined;
  readonly firstBytesRead: number;
  bytesRead: number;
}

const discard = () => undefined;

/** Makes the deadlines of one server. */
export function createSocketDeadlines(options: SocketDeadlineOptions): SocketDeadlines {
  const { handshakeTimeoutMs, uploadTimeoutMs, writeTimeoutMs } = options;
  const lingerSilenceMs = Math.min(LINGER_SILENCE_MS, handshakeTimeoutMs);
  const lingerMs = Math.min(LINGER_MS, Math.max(uploadTimeoutMs, lingerSilenceMs));
  const watched = new Map<Duplex, Watched>();
  const progresses = createWriteProgress(options);
  let isClosing = false;
  const sweepMs = Math.min(SWEEP_MS, writeTimeoutMs / 4, handshakeTimeoutMs / 4);
  const sweeping = setInterval(sweep, Math.max(LEAST_SWEEP_MS, sweepMs)).unref();

  function watch(socket: Socket, ms: number): Watched {
    const one: Watched = {
      socket,
      deadline: performance.now() + ms,
      isNew: true,
      progress: undefined,
      linger: undefined,
    };
    watched.set(socket, one);
    return one;
  }

  function sweep(): void {
    const now = performance.now();
    for (const one of watched.values()) {
      const { socket, linger } = one;
      if (socket.destroyed) watched.delete(socket);
      else if (now >= one.deadline) socket.destroy();
      else if (socket.writableLength > 0) {
        one.progress ??= progresses.begin(socket, now);
        one.progress.check(now);
      } else {
        one.progress = undefined;
        if (linger !== undefined && !mayLinger(socket, linger, one, now)) socket.destroy();
      }
    }
    progresses.consultKernel(now);
  }

  /** Whether a finished socket, all of whose bytes have left the process, may stay. Moves its deadline. */
  function mayLinger(socket: Socket, linger: Linger, one: Watched, now: number): boolean {
    const { bytesRead } = socket;
    const isFirst = linger.sinceMs === undefined;
    linger.sinceMs ??= now;
    if (isFirst || bytesRead > linger.bytesRead) {
      linger.bytesRead = bytesRead;
      const silent = now + (isClosing ? CLOSING_LINGER_MS : lingerSilenceMs);
      const last = linger.sinceMs + lingerMs;
      // An earlier deadline of `destroyWithin` stays.
      one.deadline = isFirst ? Math.min(one.deadline, silent, last) : Math.min(silent, last);
    }
    return bytesRead - linger.firstBytesRead <= LINGER_BYTES;
  }

  function use(one: Watched): void {
    one.isNew = false;
    one.deadline = Number.POSITIVE_INFINITY;
  }

  function finish(socket: Duplex, lastBytes?: string): void {
    if (socket.destroyed) return;
    if (!socket.writableEnded) socket.end(lastBytes);
    const one = watched.get(socket) ?? watch(socket as Socket, Number.POSITIVE_INFINITY);
    if (one.linger !== undefined) return;
    const { bytesRead } = one.socket;
    one.linger = { sinceMs: undefined, firstBytesRead: bytesRead, bytesRead };
    if (one.isNew) use(one);
    // A parser that stays attached would take what comes for further requests, and serve them without an answer.
    socket.removeAllListeners("data");
    socket.on("data", discard);
    socket.resume();
    // The parser may have stopped the reads below the stream, which `resume` does not know of.
    socket._read(0);
  }

  /** Takes the place of `socket.destroySoon`, which Node's HTTP server calls after an answer with `Connection: close`. */
  function finishThis(this: Socket): void {
    finish(this);
  }

  return {
    acceptHandshake(socket) {
      if (!watched.has(socket)) watch(socket, handshakeTimeoutMs + lingerSilenceMs);
    },
    accept(socket) {
      if (watched.has(socket)) return false;
      const below = tcpSocketOf(socket);
      if (below !== socket) watched.delete(below);
      watch(socket, handshakeTimeoutMs + lingerSilenceMs);
      socket.destroySoon = finishThis;
      return true;
    },
    use(socket) {
      const one = watched.get(socket);
      if (one?.isNew === true) use(one);
    },
    destroyWithin(socket, ms) {
      const one = watched.get(socket) ?? watch(socket, ms);
      if (one.isNew) use(one);
      one.deadline = Math.min(one.deadline, performance.now() + ms);
    },
    finish,
    isSending() {
      for (const { socket } of watched.values()) if (socket.writableLength > 0) return true;
      return false;
    },
    beginClosing() {
      isClosing = true;
      const soon = performance.now() + CLOSING_LINGER_MS;
      for (const one of watched.values()) {
        if (one.linger?.sinceMs !== undefined) one.deadline = Math.min(one.deadline, soon);
      }
    },
    close() {
      clearInterval(sweeping);
      for (const { socket } of watched.values()) socket.destroy();
      watched.clear();
    },
  };
}
