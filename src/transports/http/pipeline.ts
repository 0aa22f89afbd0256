/**
 * Limits the pipelined requests of a connection. A few run concurrently, the next ones wait, and the connection is not read
 * while any of them waits (`waiting-requests.ts` limits them over all connections). Node parses all bytes of a read (64 KB,
 * which may be two thousand requests) in one event-loop turn, so the parser is stopped when many wait, and continues after
 * they were answered. When the connection closes, all of its responses close.
 *
 * A client that waits for each response has no overhead: only a pipelined response has no socket yet.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { handBack } from "./hand-back.ts";
import {
  drainListeners,
  type Listener,
  pauseReads,
  resumeReads,
  type ServerSocket,
} from "./server-socket.ts";
import { WaitingRequests } from "./waiting-requests.ts";

/** Maximum number of pipelined requests of a connection that run concurrently with the first one. */
export const MAX_PIPELINED = 3;
/** Number of waiting requests of a connection at which its parser is stopped. */
export const MAX_PARSED = 56;

/** The pipelined requests of one connection. */
interface Pipeline {
  /** Responses whose handler started and that are not closed. */
  readonly open: Set<ServerResponse>;
  /** Defined while the parser is stopped. */
  stop: Stop | undefined;
  /** Whether the connection ends after the pending responses, and is not read until then. */
  isEnding: boolean;
}

/** Stop of a parser. */
interface Stop {
  /** Request at which it was stopped. */
  readonly request: IncomingMessage;
  /** Listeners of Node's HTTP server at that moment. */
  readonly listeners: readonly Listener[];
  /** Continues parsing at that request; defined once Node has given the connection away. */
  parseRest?: () => void;
}

/** A waiting request; `start` runs the handler. */
interface WaitingRequest {
  readonly response: ServerResponse;
  readonly start: () => void;
}

/** End of a connection whose next bytes are not to be handled. */
export interface InputEnd {
  /** Called at once if the body of the last request is incomplete, also if the request was answered. */
  onIncomplete(request: IncomingMessage): void;
  /** Ends the connection. @param isAnswered whether a request whose body is incomplete was answered */
  end(isAnswered: boolean): void;
}

/** Events for which Node removes its listeners from a connection that it gives away, although responses still need them. */
const KEPT_EVENTS = ["drain", "close"];

const OTHER_PROTOCOL = 2;

/** Passes the requests of an HTTP server to its handler. */
export class Pipelines {
  readonly #handler: RequestListener;
  readonly #pipelines = new WeakMap<Socket, Pipeline>();
  readonly #waiting: WaitingRequests<WaitingRequest>;

  /** @param onClosed called for each connection that is closed because too many requests wait on all of them */
  constructor(handler: RequestListener, onClosed: () => void = () => undefined) {
    this.#handler = handler;
    this.#waiting = new WaitingRequests(onClosed);
  }

  /** Handles a request now, or when fewer requests of its connection run. Is a listener. */
  readonly handle: RequestListener = (request, response) => {
    if (response.socket !== null) {
      this.#handler(request, response);
      return;
    }
    const { socket } = request;
    if (socket.destroyed) {
      close(response);
      return;
    }
    const pipeline = this.#pipelineOf(socket);
    const run = () => this.#handler(request, response);
    if (pipeline.open.size < MAX_PIPELINED) this.#start(pipeline, socket, response, run);
    else {
      this.#waiting.add(socket, { response, start: run });
      pauseReads(socket);
    }
  };

  /**
   * Keeps the rest of a read if the parser was stopped at this request, or if this is an upgrade behind responses that are
   * not finished. To stop the parser, the request is treated as an upgrade, so Node gives the connection away.
   *
   * @param head bytes after the head of the request
   * @returns whether the request is parsed again later
   */
  keepRest(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const stop = this.#stopAt(request, socket);
    if (stop === undefined) return false;
    const pipeline = this.#pipelineOf(socket);
    socket.pause();
    this.#waiting.hold(socket, head.length);
    const removed = stop.listeners.filter(([event, listener]) => !socket.listeners(event).includes(listener));
    for (const [event, listener] of removed) socket.on(event, listener);
    stop.parseRest = () => {
      pipeline.stop = undefined;
      for (const [event, listener] of removed) socket.off(event, listener);
      this.#waiting.release(socket);
      // Node began to wait for the next request.
      socket.setTimeout(0);
      handBack(server, request, request.rawHeaders, socket, head);
      this.#stopWhenFull(pipeline, socket);
      socket.resume();
    };
    // Only the response that owns the socket is pending, and it is not in the pipeline.
    if (pipeline.open.size === 0) this.#pending(socket)[0]?.once("close", () => this.#next(pipeline, socket));
    return true;
  }

  /** Ends a connection whose next bytes are not to be handled: stops its reads, and ends it after the pending responses. */
  endInput(socket: Socket & ServerSocket, { onIncomplete, end }: InputEnd): void {
    const pipeline = this.#pipelineOf(socket);
    // A broken request also exceeds its time limit.
    if (pipeline.isEnding) return;
    pipeline.isEnding = true;
    pauseReads(socket);
    const pending = this.#pending(socket);
    const request = socket.parser?.incoming;
    const isIncomplete = request?.complete === false;
    const broken = isIncomplete ? pending.find(({ req }) => req === request) : undefined;
    if (isIncomplete) onIncomplete(request);
    const next = () => {
      const last = pending.findLast((one) => !one.closed && (one !== broken || one.headersSent));
      if (last !== undefined) last.once("close", next);
      else {
        pipeline.isEnding = false;
        // A response that is not pending was sent before.
        end(isIncomplete && (broken === undefined || broken.headersSent));
      }
    };
    next();
  }

  /** Returns the responses of a connection that are not finished, in the order of their requests. */
  #pending(socket: Socket & ServerSocket): readonly ServerResponse[] {
    const { _httpMessage: first } = socket;
    const open = this.#pipelines.get(socket)?.open ?? [];
    const waiting = this.#waiting.list(socket).map(({ response }) => response);
    return [...new Set([...(first == null ? [] : [first]), ...open, ...waiting])];
  }

  /** Returns the stop of the parser at a request; undefined if nothing precedes the request. */
  #stopAt(request: IncomingMessage, socket: Socket): Stop | undefined {
    const stop = this.#pipelines.get(socket)?.stop;
    if (stop?.request === request) return stop;
    if (this.#pending(socket).length === 0) return undefined;
    const made: Stop = { request, listeners: drainListeners(socket) };
    this.#pipelineOf(socket).stop = made;
    return made;
  }

  #pipelineOf(socket: Socket): Pipeline {
    const known = this.#pipelines.get(socket);
    if (known !== undefined) return known;
    const made: Pipeline = { open: new Set(), stop: undefined, isEnding: false };
    this.#pipelines.set(socket, made);
    socket.once("close", () => {
      this.#waiting.drop(socket);
      for (const response of made.open) close(response);
    });
    // Node has no listener for errors while the parser is stopped. The close event that follows each error is sufficient.
    socket.on("error", () => undefined);
    // Node resumes a paused connection with every response that it writes.
    socket.on("resume", () => {
      if (this.#waiting.of(socket) > 0 || made.stop !== undefined || made.isEnding) pauseReads(socket);
    });
    this.#stopWhenFull(made, socket);
    return made;
  }

  /** Makes the parser of a connection stop at the request after `MAX_PARSED` waiting ones. */
  #stopWhenFull(pipeline: Pipeline, socket: Socket & ServerSocket): void {
    const { parser } = socket;
    const onIncoming = parser?.onIncoming;
    if (parser == null || onIncoming == null) return;
    parser.onIncoming = (request, keepAlive) => {
      if (this.#waiting.of(socket) < MAX_PARSED) return onIncoming(request, keepAlive);
      const listeners = KEPT_EVENTS.flatMap((event) =>
        socket.listeners(event).map((listener): Listener => [event, listener as Listener[1]]),
      );
      pipeline.stop = { request, listeners };
      request.upgrade = true;
      return OTHER_PROTOCOL;
    };
  }

  #start(pipeline: Pipeline, socket: Socket, response: ServerResponse, run: () => void): void {
    pipeline.open.add(response);
    response.once("close", () => {
      pipeline.open.delete(response);
      this.#next(pipeline, socket);
    });
    run();
  }

  #next(pipeline: Pipeline, socket: Socket): void {
    // No response follows one with `Connection: close`.
    if (socket.destroyed || socket.writableEnded) {
      this.#waiting.drop(socket);
      return;
    }
    const first = this.#waiting.take(socket);
    if (first === undefined) {
      // Responses close in order: the first one, which had the socket, is closed as well.
      if (pipeline.open.size === 0) pipeline.stop?.parseRest?.();
      return;
    }
    // Before the start, because the last request may have an unread body.
    const isPaused = pipeline.stop !== undefined || pipeline.isEnding;
    if (this.#waiting.of(socket) === 0 && !isPaused) resumeReads(socket);
    this.#start(pipeline, socket, first.response, first.start);
  }
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
