/**
 * Deadlines of accepted sockets. Every socket is in one of these states, and each state ends at a known time:
 *
 * | state | destroyed |
 * | --- | --- |
 * | accepted, no request yet | `HANDSHAKE_TIMEOUT_MS` plus the linger time after the accept |
 * | in use | after `WRITE_TIMEOUT_MS` without write progress |
 * | closing (`destroyWithin`) | at the time given |
 * | finished (`finish`): the last byte was written | when the client closes, or after the linger time |
 * | any, not read at present | within a second after the client resets the connection |
 *
 * One timer checks all sockets; a socket needs no timer or listener of its own. Sockets in use are also ended by Node's
 * request and keep-alive timeouts, WebSocket pings, and the limits of the routes.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "../../../domain/logger.ts";
import { PeerEnds } from "./peer-end.ts";
import { SocketProgress } from "./socket-progress.ts";
import { tcpSocketOf } from "./stream-handle.ts";
import { isResetUnseen } from "./unseen-reset.ts";
import { WriteTimeout } from "./write-timeout.ts";

/** Settings and outputs of the deadlines. */
export interface SocketDeadlineOptions {
  /** Time (ms) for a first request. */
  readonly handshakeTimeoutMs: number;
  /** Time (ms) for a whole request. Also limits how long a finished socket is read. */
  readonly uploadTimeoutMs: number;
  /** Time (ms) without progress after which a socket with unsent bytes is destroyed. */
  readonly writeTimeoutMs: number;
  /** Whether other clients wait for memory. */
  readonly isShort: () => boolean;
  /** Called for each socket that is destroyed by a write timeout. */
  readonly onWriteTimeout: () => void;
  readonly logger: Logger;
}

/** Maximum time (ms) without a byte from the client of a finished socket. */
const LINGER_SILENCE_MS = 5_000;
/** Maximum time (ms) for which a finished socket is read, like nginx's `lingering_time`. */
const LINGER_MS = 30_000;
const CLOSING_LINGER_MS = 500;
/** Maximum number of bytes read from a finished socket. */
const LINGER_BYTES = 256 * 1024 * 1024;
const SWEEP_MS = 1_000;
const MIN_SWEEP_MS = 20;

interface Watched {
  readonly socket: Socket;
  /** In ms of `performance.now()`. */
  deadline: number;
  /** Whether the socket still waits for its first request. */
  isNew: boolean;
  /** Defined while bytes are unsent. */
  progress: SocketProgress | undefined;
  /** Defined after `finish`. */
  linger: Linger | undefined;
}

/** Linger state of a finished socket. */
interface Linger {
  /** Time at which the last byte was handed to the kernel, in ms of `performance.now()`; undefined before. */
  sinceMs: number | undefined;
  readonly firstBytesRead: number;
  bytesRead: number;
}

const discard = () => undefined;

/** Deadlines of the sockets of one server. */
export class SocketDeadlines {
  readonly #acceptMs: number;
  readonly #lingerSilenceMs: number;
  readonly #lingerMs: number;
  readonly #watched = new Map<Duplex, Watched>();
  readonly #writeTimeout: WriteTimeout;
  readonly #peerEnds: PeerEnds;
  readonly #sweeping: NodeJS.Timeout;
  /** Replaces `socket.destroySoon`, which Node's HTTP server calls after a response with `Connection: close`. */
  readonly #finishThis: (this: Socket) => void;
  #isClosing = false;

  constructor(options: SocketDeadlineOptions) {
    const { handshakeTimeoutMs, uploadTimeoutMs, writeTimeoutMs } = options;
    this.#lingerSilenceMs = Math.min(LINGER_SILENCE_MS, handshakeTimeoutMs);
    this.#lingerMs = Math.min(LINGER_MS, Math.max(uploadTimeoutMs, this.#lingerSilenceMs));
    this.#acceptMs = handshakeTimeoutMs + this.#lingerSilenceMs;
    this.#writeTimeout = new WriteTimeout(options);
    this.#peerEnds = new PeerEnds(handshakeTimeoutMs);
    const sweepMs = Math.min(SWEEP_MS, writeTimeoutMs / 4, handshakeTimeoutMs / 4);
    this.#sweeping = setInterval(() => this.#sweep(), Math.max(MIN_SWEEP_MS, sweepMs)).unref();
    const finish = (socket: Socket) => this.finish(socket);
    this.#finishThis = function finishThis() {
      finish(this);
    };
  }

  /** Limits a TLS handshake on a TCP socket; `accept` of the TLS socket replaces this deadline. */
  acceptHandshake(socket: Socket): void {
    if (!this.#watched.has(socket)) this.#watch(socket, this.#acceptMs);
  }

  /** Watches a socket until it is destroyed. @returns false if it is watched already */
  accept(socket: Socket): boolean {
    if (this.#watched.has(socket)) return false;
    const below = tcpSocketOf(socket);
    if (below !== socket) this.#watched.delete(below);
    this.#watch(socket, this.#acceptMs);
    socket.destroySoon = this.#finishThis;
    return true;
  }

  /** Removes the deadline: a whole request head arrived, or a WebSocket opened. */
  use(socket: Socket): void {
    const one = this.#watched.get(socket);
    if (one?.isNew === true) use(one);
  }

  /** Destroys a socket after `ms` at the latest. Keeps an earlier deadline. */
  destroyWithin(socket: Socket, ms: number): void {
    const one = this.#watched.get(socket) ?? this.#watch(socket, ms);
    if (one.isNew) use(one);
    one.deadline = Math.min(one.deadline, performance.now() + ms);
  }

  /**
   * Ends the sending side. Bytes that the client still sends are read and discarded for a limited time: closing a socket
   * with unread bytes resets the connection, and the client could lose the response.
   *
   * @param lastBytes written before the end
   */
  finish(socket: Duplex, lastBytes?: string): void {
    if (socket.destroyed) return;
    if (!socket.writableEnded) socket.end(lastBytes);
    const one = this.#watched.get(socket) ?? this.#watch(socket as Socket, Number.POSITIVE_INFINITY);
    if (one.linger !== undefined) return;
    const { bytesRead } = one.socket;
    one.linger = { sinceMs: undefined, firstBytesRead: bytesRead, bytesRead };
    if (one.isNew) use(one);
    // A parser that stays attached would parse these bytes as further requests and serve them without a response.
    socket.removeAllListeners("data");
    socket.on("data", discard);
    socket.resume();
    // The parser may have stopped reads on the handle, which `resume` does not restart.
    socket._read(0);
  }

  /** Whether any socket has unsent bytes. */
  isSending(): boolean {
    for (const { socket } of this.#watched.values()) if (socket.writableLength > 0) return true;
    return false;
  }

  /** Shortens the linger time for shutdown. */
  beginClosing(): void {
    this.#isClosing = true;
    const soon = performance.now() + CLOSING_LINGER_MS;
    for (const one of this.#watched.values()) {
      if (one.linger?.sinceMs !== undefined) one.deadline = Math.min(one.deadline, soon);
    }
  }

  /** Destroys all sockets and stops the timer. */
  close(): void {
    clearInterval(this.#sweeping);
    for (const { socket } of this.#watched.values()) socket.destroy();
    this.#watched.clear();
  }

  #watch(socket: Socket, ms: number): Watched {
    const one: Watched = {
      socket,
      deadline: performance.now() + ms,
      isNew: true,
      progress: undefined,
      linger: undefined,
    };
    this.#watched.set(socket, one);
    return one;
  }

  #sweep(): void {
    const now = performance.now();
    for (const one of this.#watched.values()) {
      const { socket, linger } = one;
      if (socket.destroyed) this.#watched.delete(socket);
      else if (now >= one.deadline || isResetUnseen(socket)) socket.destroy();
      else if (socket.writableLength > 0) {
        one.progress ??= new SocketProgress(socket, now);
        this.#writeTimeout.check(one.progress, now);
      } else {
        one.progress = undefined;
        this.#peerEnds.check(socket);
        if (linger !== undefined && !this.#mayLinger(one, linger, now)) socket.destroy();
      }
    }
    this.#writeTimeout.consultKernel(now);
    this.#peerEnds.consultKernel(now);
  }

  /** Whether a finished socket without unsent bytes may stay open. Updates its deadline. */
  #mayLinger(one: Watched, linger: Linger, now: number): boolean {
    const { bytesRead } = one.socket;
    const isFirst = linger.sinceMs === undefined;
    linger.sinceMs ??= now;
    if (isFirst || bytesRead > linger.bytesRead) {
      linger.bytesRead = bytesRead;
      const silent = now + (this.#isClosing ? CLOSING_LINGER_MS : this.#lingerSilenceMs);
      const last = linger.sinceMs + this.#lingerMs;
      // Keeps an earlier deadline of `destroyWithin`.
      one.deadline = isFirst ? Math.min(one.deadline, silent, last) : Math.min(silent, last);
    }
    return bytesRead - linger.firstBytesRead <= LINGER_BYTES;
  }
}

function use(one: Watched): void {
  one.isNew = false;
  one.deadline = Number.POSITIVE_INFINITY;
}
