/** Route `/data/{stream_id}/push`: stores the entries that a client sends (docs/protocol.md, "WebSocket push"). */
import { authorize } from "../../access/identity/authorize.ts";
import type { DeviceConnection } from "../../devices/presence.ts";
import type { NewEntry } from "../../domain/entry.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import { DEFAULT_DEVICE, parseStreamIds } from "../../domain/stream-name.ts";
import type { AppendDone, AppendResult } from "../../redis/append/appender.ts";
import type { PushedEntry } from "../../wire/push-batch.ts";
import { createPushDecoder } from "../../wire/push-decoder.ts";
import { statusOf } from "../../wire/status.ts";
import { appendSteps } from "../request/append-steps.ts";
import { readDedupe } from "../request/dedupe.ts";
import type { ParametersOf } from "../request/parameters.ts";
import { readParameters } from "../request/query.ts";
import { createStreamKeys } from "../request/stream-keys.ts";
import { readNaming } from "../request/streams.ts";
import { appendResultsJson } from "../response/append-results.ts";
import { createByteSink } from "../response/byte-sink.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type WebSocketParts,
  type WebSocketRequest,
} from "./connection.ts";
import { readControl } from "./control.ts";
import { type ArrivedMessage, createMessageQueue } from "./message-queue.ts";
import { createPauseReasons } from "./pause-reasons.ts";
import { createFrameWriter } from "./protocol/frame-writer.ts";
import type { ServerWebSocket } from "./protocol/socket.ts";

/**
 * Weight of a waiting entry besides its payload, in bytes. It stands for memory, and mainly for the time that Redis needs,
 * which delays the entries of other clients. It makes backpressure apply earlier to a client that sends tiny entries.
 */
const ENTRY_BYTES = 1024;

/** Number of entries whose keys are looked up between two yields. */
const ENTRIES_PER_STEP = 256;

const weightOf = (entries: readonly PushedEntry[]): number =>
  entries.reduce((bytes, { data }) => bytes + data.length + ENTRY_BYTES, 0);

/** Approximate size of the ack of one entry, in bytes. */
const ACK_BYTES = 40;

/** Approximate size of a notice of `status=1`, in bytes. */
const STATUS_BYTES = 100;

/** Batch that is being stored. Acks are sent in the order of the batches. */
interface Batch {
  results: readonly AppendResult[] | undefined;
}

/** Serves a pushing socket. @throws GatewayError if a parameter is invalid */
export function servePush(
  { webSocket, socket, segment, search, session }: WebSocketRequest,
  parts: WebSocketParts,
): ServedSocket {
  const { append, limits, pushGate, payloadPool, turnEnd, sessions, errorLog, limiting, memory } = parts;
  const parameters = readParameters("push", search, limits);
  const { ack: wantsAck, control: takesControls, status: wantsStatus } = parameters;
  const streams = parseStreamIds(segment, limits.maxStreams);
  const naming = readNaming(parameters, limits);
  const { visitor } = session;
  sessions.use(session, "write", streams.map(naming.keyOf));
  const keys = createStreamKeys(naming.keyOf, (key) => {
    authorize(visitor.identity, "write", [key]);
    limiting.useStream(visitor, key);
  });
  session.onRenewed = keys.forget;
  const markNext = readDedupe(parameters);
  const decoder = createPushDecoder({
    format: parameters.format ?? (parameters.header ? "header" : "raw"),
    offsets: parameters.offsets,
    streams,
    maxEntries: limits.maxBatchEntries,
  });
  const sink = createByteSink({
    stream: socket,
    highWaterBytes: limits.sendHighWaterBytes,
    turnEnd,
    onBytes: () => undefined,
    openLease: () => memory.answer("unread", visitor),
  });
  function reportStatus(unavailableSince: Date | undefined): void {
    const out = createFrameWriter(STATUS_BYTES);
    out.text(JSON.stringify(statusOf(unavailableSince)));
    sink.write(out.take());
  }

  const unavailableSince = parts.availability.unavailableSince();
  if (wantsStatus && unavailableSince !== undefined) reportStatus(unavailableSince);
  const stopStatus = wantsStatus ? parts.availability.watch(reportStatus) : undefined;
  const attendance = attend(webSocket, parameters, parts);
  const pauseReason = createPauseReasons(webSocket);
  const unreadAcks = pauseReason();
  const inFlight = pushGate.open(pauseReason(), memory.receive("append", visitor));
  const batches: Batch[] = [];
  let isSettling = false;
  /** Reason to close the socket after pending batches are answered. Further messages are ignored. */
  let ending: GatewayError | undefined;

  /** Adds the stream key to an entry. @throws GatewayError if the client may not write to the stream */
  function named({ stream, id, data, fields }: PushedEntry): NewEntry {
    const key = keys.keyOf(stream);
    if (markNext !== undefined) return { key, id, data, dedupe: markNext(), ...(fields && { fields }) };
    return fields === undefined ? { key, id, data } : { key, id, data, fields };
  }

  /** Opens a batch. @returns a function that ends it with its results */
  function open(bytes: number, memory: Buffer | undefined): AppendDone {
    const batch: Batch = { results: undefined };
    batches.push(batch);
    inFlight.add(bytes);
    return (results, isKept) => {
      if (memory !== undefined && !isKept) payloadPool.give(memory);
      batch.results = results;
      inFlight.remove(bytes);
      settleSoon();
    };
  }

  /** Names all entries before any is stored, so that a batch with a forbidden stream is rejected as a whole. */
  function* nameSteps(entries: readonly PushedEntry[]): Generator<void, readonly NewEntry[]> {
    const namedEntries: NewEntry[] = [];
    for (const entry of entries) {
      namedEntries.push(named(entry));
      if (namedEntries.length % ENTRIES_PER_STEP === 0) yield;
    }
    return namedEntries;
  }

  /** Returns the buffer of a message of which nothing is stored. */
  function giveBack(memory: Buffer | undefined): void {
    if (memory !== undefined) payloadPool.give(memory);
  }

  /** Schedules `settle`. Many replies arrive in one event-loop turn; their acks are encoded and sent together. */
  function settleSoon(): void {
    if (isSettling) return;
    isSettling = true;
    turnEnd.add(settle);
  }

  /** Answers completed batches, oldest first. */
  function settle(): void {
    isSettling = false;
    let done = 0;
    while (batches[done]?.results !== undefined) done++;
    const answered = batches.splice(0, done);
    if (wantsAck) acknowledge(answered);
    else endOnRejection(answered);
    if (ending !== undefined && batches.length === 0) {
      sink.flush();
      closeWith(webSocket, ending);
    }
  }

  function acknowledge(answered: readonly Batch[]): void {
    if (answered.length === 0) return;
    const out = createFrameWriter(answered.length * ACK_BYTES);
    for (const { results } of answered) out.text(appendResultsJson(results ?? []));
    sink.write(out.take());
    if (!sink.isFull()) return;
    // Reads no further entries from a client that does not read its acks.
    unreadAcks.pause();
    sink.whenDrained(unreadAcks.resume);
  }

  /** Closes the connection if an entry was rejected. Without acks the client would not notice the rejection otherwise. */
  function endOnRejection(answered: readonly Batch[]): void {
    for (const { results = [] } of answered) {
      const rejection = results.find((result) => result instanceof GatewayError);
      if (rejection instanceof GatewayError) end(rejection);
    }
  }

  function end(error: GatewayError): void {
    ending ??= error;
  }

  function reject(error: unknown): void {
    const reason = asGatewayError(error);
    errorLog.note(reason, errorContextOf(session));
    end(reason);
    settle();
  }

  /** Handles a control message. @returns false if the message is not one */
  function readsControl({ bytes, isBinary }: ArrivedMessage): boolean {
    const control = takesControls ? readControl(bytes, isBinary) : undefined;
    if (control === undefined) return false;
    sessions.renew(session, control.token);
    return true;
  }

  const messages = createMessageQueue({
    isLong: ({ bytes, isBinary }) => decoder.isLong(bytes, isBinary),
    handle(message) {
      const { bytes, isBinary, memory } = message;
      let unused = memory;
      try {
        const entries =
          ending !== undefined || readsControl(message) ? undefined : decoder.message(bytes, isBinary);
        if (entries === undefined) return;
        const namedEntries = entries.map(named);
        unused = undefined;
        append(namedEntries, open(weightOf(entries), memory));
      } catch (error) {
        reject(error);
      } finally {
        giveBack(unused);
      }
    },
    *steps(message) {
      const { bytes, isBinary, memory } = message;
      let unused = memory;
      try {
        const entries =
          ending !== undefined || readsControl(message) ? undefined : yield* decoder.steps(bytes, isBinary);
        if (entries === undefined || ending !== undefined) return;
        const namedEntries = yield* nameSteps(entries);
        unused = undefined;
        yield* appendSteps(append, namedEntries, open(weightOf(entries), memory));
      } catch (error) {
        reject(error);
      } finally {
        giveBack(unused);
      }
    },
    hold: inFlight.add,
    letGo: inFlight.remove,
    reading: pauseReason(),
  });

  return {
    message(bytes, isBinary, memory) {
      attendance?.touch();
      messages.add({ bytes, isBinary, memory });
    },
    pong: () => attendance?.touch(),
    closed() {
      stopStatus?.();
      inFlight.close();
      attendance?.close();
    },
    end(error) {
      end(error);
      settle();
    },
  };
}

/** Marks the device of a socket as connected, if the client requests it or `DEVICE_PRESENCE` is `auto`. */
function attend(
  webSocket: ServerWebSocket,
  { presence: isGiven, device_id: device = DEFAULT_DEVICE }: ParametersOf<"push">,
  { presence, devicePresence, limits }: WebSocketParts,
): DeviceConnection | undefined {
  const isWanted = isGiven ?? devicePresence === "auto";
  // Without a device prefix, keys belong to no device.
  if (!isWanted || limits.noDevicePrefix || device === "") return undefined;
  const attendance = presence.open(device, () => {
    // A paused socket cannot receive a pong, so its device counts as connected.
    if (webSocket.isPaused()) attendance.touch();
    else webSocket.ping();
  });
  return attendance;
}
