/** Sockets of Node's HTTP server: the internals that pipelined requests depend on. Node has no public access to them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Listener of an event. */
export type Listener = readonly [event: string, listener: (...values: unknown[]) => void];

/** Listener of Node's parser for each parsed head. @returns 2 if the bytes after it are of another protocol */
type OnIncoming = (request: IncomingMessage & { upgrade?: boolean }, keepAlive: boolean) => number;

/** Internals of Node's HTTP server. It pauses the reads of a connection in this way when a client does not read. */
export interface ServerSocket {
  _paused?: boolean;
  /** Response that owns the socket. */
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: {
    /** Request whose head was parsed last. */
    readonly incoming?: IncomingMessage | null;
    pause?(): void;
    resume?(): void;
    onIncoming?: OnIncoming | null;
  } | null;
}

/** Pauses the reads of a connection. Node pauses the parser itself after the current buffer. */
export function pauseReads(socket: Socket & ServerSocket): void {
  if (socket._paused !== false) return;
  socket._paused = true;
  socket.pause();
}

/** Resumes the reads of a connection that `pauseReads` paused. */
export function resumeReads(socket: Socket & ServerSocket): void {
  // Node resumes the connection itself when the client has read the responses.
  if (socket._paused !== true || socket.writableNeedDrain) return;
  socket._paused = false;
  socket.parser?.resume?.();
  socket.resume();
}

/**
 * Returns listeners that replace Node's own ones on a connection that Node gave away before its responses were finished: a
 * large response continues when the client has read some of it.
 */
export const drainListeners = (socket: Socket & ServerSocket): readonly Listener[] => [
  ["drain", () => void socket._httpMessage?.emit("drain")],
];
