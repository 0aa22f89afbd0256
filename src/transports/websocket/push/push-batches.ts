/** Batches of one pushing socket that are being stored. They are acknowledged in the order of their arrival. */
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import type { AppendDone, AppendResult } from "../../../redis/append/appender.ts";
import type { ByteSink, TurnEnd } from "../../response/byte-sink.ts";
import { appendResultsJson } from "../../response/errors/append-results.ts";
import type { InFlight } from "../../websocket-protocol/backpressure.ts";
import { createFrameWriter } from "../../websocket-protocol/frames/frame-writer.ts";
import type { PayloadPool } from "../../websocket-protocol/memory/buffer-pool.ts";
import type { Pausable } from "../../websocket-protocol/pause-reasons.ts";
import type { ServerWebSocket } from "../../websocket-protocol/socket.ts";
import { closeWith } from "../../websocket-protocol/upgrade-route.ts";

/** Approximate size of the ack of one entry, in bytes. */
const ACK_BYTES = 40;

/** Dependencies of the batches of a socket. */
export interface PushBatchParts {
  readonly webSocket: ServerWebSocket;
  readonly sink: ByteSink;
  readonly turnEnd: TurnEnd;
  readonly payloadPool: PayloadPool;
  readonly inFlight: InFlight;
  /** Pauses reading while the client does not read its acks. */
  readonly unreadAcks: Pausable;
  readonly wantsAck: boolean;
}

/** Batches of one socket. */
export interface PushBatches {
  /** Opens a batch. @param memory its pool buffer @returns a function that ends it with its results */
  open(bytes: number, memory: Buffer | undefined): AppendDone;
  /** Closes the socket with an error after pending batches are answered. Later errors have no effect. */
  end(error: GatewayError): void;
  /** Resolves when all batches are answered. */
  settled(): Promise<void>;
  /** Whether the socket is being closed: further messages are ignored. */
  isEnding(): boolean;
}

interface Batch {
  results: readonly AppendResult[] | undefined;
}

/** Creates the batches of one socket. */
export function createPushBatches(parts: PushBatchParts): PushBatches {
  const { webSocket, sink, turnEnd, payloadPool, inFlight, unreadAcks, wantsAck } = parts;
  const batches: Batch[] = [];
  let isSettling = false;
  let ending: GatewayError | undefined;
  let onSettled: (() => void)[] = [];

  /** Schedules `settle`. Many replies arrive in one event-loop turn; their acks are encoded and sent together. */
  function settleSoon(): void {
    if (isSettling) return;
    isSettling = true;
    turnEnd.add(settle, fail);
  }

  /** Closes the socket at once: its batches can no longer be answered. */
  function fail(error: GatewayError): void {
    ending ??= error;
    closeWith(webSocket, ending);
  }

  /** Answers completed batches, oldest first. */
  function settle(): void {
    isSettling = false;
    let done = 0;
    while (batches[done]?.results !== undefined) done++;
    const answered = batches.splice(0, done);
    if (wantsAck) acknowledge(answered);
    // Without acks the client would not notice a rejected entry if the connection stayed open.
    else ending ??= rejectionIn(answered);
    if (batches.length > 0) return;
    if (ending !== undefined) {
      sink.flush();
      closeWith(webSocket, ending);
    }
    for (const resolve of onSettled) resolve();
    onSettled = [];
  }

  function acknowledge(answered: readonly Batch[]): void {
    if (answered.length === 0) return;
    const out = createFrameWriter(answered.length * ACK_BYTES);
    for (const { results = [] } of answered) {
      const [id] = results;
      // An id is ASCII, an error may not be.
      if (results.length === 1 && typeof id === "string") out.ascii(`["${id}"]`);
      else out.text(appendResultsJson(results));
    }
    sink.write(out.take());
    if (!sink.isFull()) return;
    // Reads no further entries from a client that does not read its acks.
    unreadAcks.pause();
    sink.whenDrained(unreadAcks.resume);
  }

  return {
    open(bytes, memory) {
      const batch: Batch = { results: undefined };
      batches.push(batch);
      inFlight.add(bytes);
      return (results, isKept) => {
        try {
          if (memory !== undefined && !isKept) payloadPool.give(memory);
          batch.results = results;
          inFlight.remove(bytes);
          settleSoon();
        } catch (exception) {
          fail(asGatewayError(exception));
          throw exception;
        }
      };
    },
    end(error) {
      ending ??= error;
      settle();
    },
    settled: () =>
      batches.length === 0 ? Promise.resolve() : new Promise((resolve) => void onSettled.push(resolve)),
    isEnding: () => ending !== undefined,
  };
}

/** Returns the first error in the results of batches. */
function rejectionIn(answered: readonly Batch[]): GatewayError | undefined {
  for (const { results = [] } of answered)
    for (const result of results) if (result instanceof GatewayError) return result;
  return undefined;
}
