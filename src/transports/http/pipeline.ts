/**
 * Limits the pipelined requests of a connection that run concurrently. Node parses all bytes of a read (64 KB, which may
 * be hundreds of requests) and passes each request to the server immediately. Requests over the limit wait, and the
 * connection is not read while any request waits (`waiting-requests.ts` limits them over all connections). When the connection closes, all of its responses close.
 *
 * A client that waits for each response has no overhead: only a pipelined response has no socket yet.
 */
import type { RequestListener, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { WaitingRequests } from "./waiting-requests.ts";

/** Maximum number of pipelined requests of a connection that run concurrently with the first one. */
export const MOST_PIPELINED = 7;

/** The pipelined requests of one connection. */
interface Pipeline {
  /** Responses whose handler started and that are not closed. */
  readonly open: Set<ServerResponse>;
}

/** A waiting request; `start` runs the handler. */
interface WaitingRequest {
  readonly response: ServerResponse;
  readonly start: () => void;
}

/** Internals of Node's HTTP server that pause the reads of a connection, as Node does when a client does not read. */
interface PausableSocket {
  _paused?: boolean;
  readonly parser?: { pause?(): void; resume?(): void } | null;
}

/**
 * Wraps the handler of an HTTP server.
 *
 * @param onClosed called for each connection that is closed because too many requests wait on all of them
 */
export function boundPipeline(
  handler: RequestListener,
  onClosed: () => void = () => undefined,
): RequestListener {
  const pipelines = new WeakMap<Socket, Pipeline>();
  const waiting = new WaitingRequests<WaitingRequest>(onClosed);

  function pipelineOf(socket: Socket): Pipeline {
    const known = pipelines.get(socket);
    if (known !== undefined) return known;
    const made: Pipeline = { open: new Set() };
    pipelines.set(socket, made);
    socket.once("close", () => {
      waiting.drop(socket);
      for (const response of made.open) close(response);
    });
    // Node resumes a paused connection with every response that it writes.
    socket.on("resume", () => {
      if (waiting.of(socket) > 0) pauseReads(socket);
    });
    return made;
  }

  function start(pipeline: Pipeline, socket: Socket, response: ServerResponse, run: () => void): void {
    pipeline.open.add(response);
    response.once("close", () => {
      pipeline.open.delete(response);
      next(pipeline, socket);
    });
    run();
  }

  function next(pipeline: Pipeline, socket: Socket): void {
    // No response follows one with `Connection: close`.
    if (socket.destroyed || socket.writableEnded) {
      waiting.drop(socket);
      return;
    }
    const first = waiting.take(socket);
    if (first === undefined) return;
    // Before the start, because the last request may have an unread body.
    if (waiting.of(socket) === 0) resumeReads(socket);
    start(pipeline, socket, first.response, first.start);
  }

  return (request, response) => {
    if (response.socket !== null) {
      handler(request, response);
      return;
    }
    const { socket } = request;
    if (socket.destroyed) {
      close(response);
      return;
    }
    const pipeline = pipelineOf(socket);
    const run = () => handler(request, response);
    if (pipeline.open.size < MOST_PIPELINED) start(pipeline, socket, response, run);
    else {
      waiting.add(socket, { response, start: run });
      pauseReads(socket);
    }
  };
}

/** Pauses the reads of a connection. Node pauses the parser itself after the current buffer. */
function pauseReads(socket: Socket & PausableSocket): void {
  if (socket._paused !== false) return;
  socket._paused = true;
  socket.pause();
}

function resumeReads(socket: Socket & PausableSocket): void {
  // Node resumes the connection itself when the client has read the responses.
  if (socket._paused !== true || socket.writableNeedDrain) return;
  socket._paused = false;
  socket.parser?.resume?.();
  socket.resume();
}

/**
 * Closes a queued response after its connection closed. Node closes only the response that owns the socket; the others
 * would keep files and memory. Assigning a destroyed socket makes Node close this response too.
 */
function close(response: ServerResponse): void {
  if (response.closed || response.socket !== null) return;
  const closed = new Socket();
  closed.destroy();
  response.assignSocket(closed);
}
