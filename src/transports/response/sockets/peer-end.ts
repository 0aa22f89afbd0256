/**
 * Ends of connections that are not read. Node learns that a client has closed its side from a read. While reads are paused,
 * because pipelined requests wait for the first one, it would not learn it, and the first one would wait for its full time.
 * Linux shows the state of the connection.
 */
import type { Socket } from "node:net";
import { readKernelSockets } from "./kernel-sockets.ts";
import { handleOf, tcpSocketOf } from "./stream-handle.ts";

/** Event of a socket whose client has closed its side, if Node does not read the socket. */
const PEER_END = "peerEnd";
/** Minimum time (ms) between two looks at the kernel's table. */
const CHECK_EVERY_MS = 2000;

const ended = new WeakSet<Socket>();

/**
 * Calls back once when the client has closed its side of a connection, read or not. Does not call back if that has happened before.
 *
 * @returns a function that removes the callback
 */
export function whenPeerEnds(socket: Socket, callback: () => void): () => void {
  const release = () => {
    socket.removeListener("end", called);
    socket.removeListener(PEER_END, called);
  };
  const called = () => {
    release();
    callback();
  };
  socket.once("end", called);
  socket.once(PEER_END, called);
  return release;
}

/** Whether the client has closed its side of a connection, as far as is known. */
export const hasPeerEnded = (socket: Socket): boolean => socket.readableEnded || ended.has(socket);

/** Detects the ends. */
export class PeerEnds {
  readonly #everyMs: number;
  /** Sockets that are not read although something waits for their end. */
  #unread: Socket[] = [];
  #checkedAt = Number.NEGATIVE_INFINITY;
  #isChecking = false;

  /** @param maxMs maximum time between two checks */
  constructor(maxMs: number) {
    this.#everyMs = Math.min(CHECK_EVERY_MS, maxMs);
  }

  /** Checks a socket with the next `consultKernel`, if necessary. */
  check(socket: Socket): void {
    if (handleOf(socket)?.reading !== false || socket.listenerCount(PEER_END) === 0 || ended.has(socket))
      return;
    this.#unread.push(socket);
  }

  /** Reads the kernel's table if it is time. @param now in ms of `performance.now()` */
  consultKernel(now: number): void {
    const sockets = this.#unread;
    this.#unread = [];
    if (sockets.length === 0 || this.#isChecking || now - this.#checkedAt < this.#everyMs) return;
    this.#checkedAt = now;
    this.#isChecking = true;
    consult(sockets).finally(() => {
      this.#isChecking = false;
    });
  }
}

const descriptorOf = (socket: Socket): number => handleOf(tcpSocketOf(socket))?.fd ?? -1;

async function consult(sockets: readonly Socket[]): Promise<void> {
  const byDescriptor = new Map(sockets.map((socket) => [descriptorOf(socket), socket]));
  byDescriptor.delete(-1);
  const states = await readKernelSockets([...byDescriptor.keys()]);
  for (const [descriptor, socket] of byDescriptor) {
    // The descriptor may belong to another socket by now.
    if (descriptorOf(socket) !== descriptor || states.get(descriptor)?.isPeerEnded !== true) continue;
    ended.add(socket);
    socket.emit(PEER_END);
  }
}
