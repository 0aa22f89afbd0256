/**
 * Bounds the pipelined requests of a connection that are answered at once. Node parses all that a read returns (64 KB,
 * which may be hundreds of requests) and hands each request to the server at once. Requests over the bound wait, and
 * the connection is not read from while any does. When the connection closes, all of its responses close.
 *
 * A client that waits for each answer costs nothing here: only a pipelined response has no socket yet.
 */
import type { RequestListener, ServerResponse } from "node:http";
import { Socket } from "node:net";

/** Most pipelined requests of a connection that are answered beside the first one. */
export const MOST_PIPELINED = 7;

/** The pipelined requests of one connection. */
interface Pipeline {
  /** Responses that have begun and are not closed. */
  readonly open: Set<ServerResponse>;
  /** In the order of arrival. Each starts the handler. */
  waiting: { readonly response: ServerResponse; readonly start: () => void }[];
}

/** Parts of Node's HTTP server that stop a connection's reads; Node does the same when a client does not read. */
interface PausableSocket {
  _paused?: boolean;
  readonly parser?: { pause?(): void; resume?(): void } | null;
}

/** Wraps the handler of an HTTP server. */
export function boundPipeline(handler: RequestListener): RequestListener {
  const pipelines = new WeakMap<Socket, Pipeline>();

  function pipelineOf(socket: Socket): Pipeline {
    const known = pipelines.get(socket);
    if (known !== undefined) return known;
    const made: Pipeline = { open: new Set(), waiting: [] };
    pipelines.set(socket, made);
    socket.once("close", () => {
      made.waiting = [];
      for (const response of made.open) close(response);
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
    if (pipeline.waiting.length === 0) return;
    // After an answer with `Connection: close` no other one is sent.
    if (socket.destroyed || socket.writableEnded) {
      pipeline.waiting = [];
      return;
    }
    const first = pipeline.waiting.shift();
    if (first === undefined) return;
    // Before the start: the last request may have a body that is still to be read.
    if (pipeline.waiting.length === 0) resumeReads(socket);
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
      pipeline.waiting.push({ response, start: run });
      pauseReads(socket);
    }
  };
}

/** Stops the reads of a connection. Node pauses the parser itself, after what has been read already. */
function pauseReads(socket: Socket & PausableSocket): void {
  if (socket._paused !== false) return;
  socket._paused = true;
  socket.pause();
}

function resumeReads(socket: Socket & PausableSocket): void {
  // Node resumes by itself when the client has read the answers.
  if (socket._paused !== true || socket.writableNeedDrain) return;
  socket._paused = false;
  socket.parser?.resume?.();
  socket.resume();
}

/**
 * Closes a response whose connection closed before its turn. Node closes only the response that has the socket; the
 * others would keep their files and their memory. A socket that is closed makes Node close this one too.
 */
function close(response: ServerResponse): void {
  if (response.closed || response.socket !== null) return;
  const closed = new Socket();
  closed.destroy();
  response.assignSocket(closed);
}
