/** Request body parser within the memory budget. Without memory a request is paused, and then answered with 503. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ClientMemory } from "../../../access/limits/client-memory.ts";
import { type MemoryLease, overloaded } from "../../../access/limits/memory-budget.ts";
import { reservationOf, type Upload, type Uploads } from "../../../access/limits/upload-memory.ts";
import { GatewayError } from "../../../domain/errors.ts";
import { type FairTurns, LARGE_INPUT_BYTES } from "../../../domain/scheduling/fair-turns.ts";
import { queueMemory } from "../../response/memory/response-memory.ts";
import { whenAnswerEnds } from "../../response/response-end.ts";
import { releaseChunk } from "../../websocket-protocol/memory/release-memory.ts";
import { createPauseReasons } from "../../websocket-protocol/pause-reasons.ts";
import { BodyBuffer } from "./body-buffer.ts";
import { SMALL_BODY_BYTES } from "./body-limits.ts";
import { BROKEN_BODY, brokenBody } from "./broken-bodies.ts";
import { sendContinue } from "./expect-continue.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Memory of the body; undefined without a body. */
    bodyMemory: BodyMemory | undefined;
  }
}

/** Memory of a body, counted until the response ended and all holders released it. */
export interface BodyMemory {
  readonly lease: MemoryLease;
  /** Keeps the memory counted, also after the response. @returns a function that releases it */
  hold(): () => void;
}

/** Minimum size (bytes) of a reservation. Memory is reserved before more of a body is read. */
const STEP_BYTES = 1024 * 1024;

/**
 * Adds the parser for bodies of any content type. `request.body` is a `Buffer`.
 *
 * @param turns turns in which large bodies are received, shared with the requests of all clients
 */
export function addBodies(app: FastifyInstance, memory: ClientMemory, turns: FairTurns): void {
  app.decorateRequest("bodyMemory");
  app.addContentTypeParser("*", (request, payload, done) => {
    const limit = request.routeOptions.bodyLimit ?? SMALL_BODY_BYTES;
    const announced = announcedBytes(request);
    const error = announced !== undefined && announced > limit ? tooLarge(limit) : brokenBody(request.raw);
    if (error !== undefined) {
      done(error);
      return;
    }
    const { lease } = request.bodyMemory ?? openMemory(request, memory);
    sendContinue(request.raw);
    const owner = { connection: request.raw.socket, address: () => request.visitor.address };
    const inTurn = (task: () => void) => turns.run(owner, task);
    readBody(payload, { limit, announced, lease, uploads: memory.uploads, inTurn }, done);
  });
  // Before the body is read: from then on the connection may close, or the response be sent, at any time.
  app.addHook("preParsing", (request, reply, _payload, done) => {
    if (request.headers["content-length"] !== undefined || "transfer-encoding" in request.headers) {
      const opened = openMemory(request, memory);
      queueMemory(reply.raw, opened.lease);
      whenAnswerEnds(reply.raw, opened.hold());
    }
    done();
  });
}

function openMemory(request: FastifyRequest, memory: ClientMemory): BodyMemory {
  const opened = countHolders(memory.receive("body", request.visitor));
  request.bodyMemory = opened;
  return opened;
}

const tooLarge = (limit: number) =>
  new GatewayError("TOO_LARGE", `the body is over the limit of ${limit} bytes`);

function announcedBytes({ headers }: FastifyRequest): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

function countHolders(lease: MemoryLease): BodyMemory {
  let holders = 0;
  return {
    lease,
    hold() {
      let isHeld = true;
      holders++;
      return () => {
        if (isHeld && --holders === 0) lease.release();
        isHeld = false;
      };
    },
  };
}

interface BodyOptions {
  readonly limit: number;
  /** `Content-Length`; undefined for a chunked body. */
  readonly announced: number | undefined;
  readonly lease: MemoryLease;
  readonly uploads: Uploads;
  /** Runs a task now or in a later turn. */
  readonly inTurn: (task: () => void) => void;
}

/** Reads a whole body. @param done called once */
function readBody(
  payload: FastifyRequest["raw"],
  { limit, announced, lease, uploads, inTurn }: BodyOptions,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  const body = new BodyBuffer(announced ?? limit);
  const reason = createPauseReasons(payload);
  const [memoryWait, turnWait] = [reason(), reason()];
  /** Chunk that waits for its turn. */
  let waiting: Buffer | undefined;
  const upload: Upload = {
    receivedBytes: () => body.received,
    reservedBytes: () => lease.bytes(),
    // The server does not read a connection either while its pipelined requests wait.
    isPaused: () => payload.isPaused() || payload.socket.isPaused(),
    end: () => finish(overloaded()),
  };

  function onData(chunk: Buffer): void {
    const received = body.received + chunk.length;
    if (received > limit) {
      finish(tooLarge(limit));
      return;
    }
    if (received > lease.bytes()) takeMemory(received);
    if (body.received < LARGE_INPUT_BYTES) body.append(chunk);
    else appendInTurn(chunk);
  }

  /** Copying the chunks of all large bodies would make a turn of the event loop long. */
  function appendInTurn(chunk: Buffer): void {
    waiting = chunk;
    inTurn(() => {
      if (waiting === undefined) return;
      appendWaiting();
      turnWait.resume();
    });
    if (waiting !== undefined) turnWait.pause();
  }

  function appendWaiting(): void {
    if (waiting !== undefined) body.append(waiting);
    waiting = undefined;
  }

  /** Counts the received bytes and reserves the next step. Without memory, pauses the body until there is some. */
  function takeMemory(bytes: number): void {
    const next = announced === undefined ? STEP_BYTES : reservationOf(bytes, announced, STEP_BYTES);
    const missing = bytes - lease.bytes();
    if (lease.tryGrow(missing + next)) return;
    lease.set(bytes);
    memoryWait.pause();
    lease.whenRoom(next, (granted) => {
      if (granted) memoryWait.resume();
      else finish(overloaded());
    });
  }

  function onEnd(): void {
    // Node emits the end of a paused stream once its last chunk was taken.
    appendWaiting();
    finish(null, body.whole());
  }

  function onLost(): void {
    finish(new GatewayError("BAD_BODY", "the connection closed before the body was complete"));
  }

  function finish(error: Error | null, whole?: Buffer): void {
    payload.off("data", onData);
    payload.off("end", onEnd);
    payload.off("error", onLost);
    payload.off("close", onLost);
    payload.off(BROKEN_BODY, finish);
    uploads.forget(upload);
    waiting = undefined;
    if (error === null) lease.set(body.received);
    else {
      body.release();
      // Not only with the response, which may wait for others of its connection.
      lease.release();
      // The rest of a rejected body is discarded.
      payload.on("data", releaseChunk);
    }
    payload.resume();
    done(error, whole);
  }

  uploads.watch(upload);
  payload.on("data", onData);
  payload.on("end", onEnd);
  payload.on("error", onLost);
  payload.on("close", onLost);
  payload.on(BROKEN_BODY, finish);
}
