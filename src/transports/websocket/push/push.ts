/** Route `/data/{stream_id}/push`: stores the entries that a client sends (docs/protocol.md, "WebSocket push"). */
import { authorize } from "../../../access/identity/authorize.ts";
import type { DeviceConnection } from "../../../devices/presence.ts";
import { asGatewayError } from "../../../domain/errors.ts";
import type { NewEntry } from "../../../domain/streams/entry.ts";
import { DEFAULT_DEVICE, parseStreamIds } from "../../../domain/streams/stream-name.ts";
import type { AppendDone } from "../../../redis/append/appender.ts";
import { statusOf } from "../../../wire/notices/status-notice.ts";
import type { PushedEntry } from "../../../wire/push-batch.ts";
import { createPushDecoder } from "../../../wire/push-decoder.ts";
import { appendSteps } from "../../request/append/append-steps.ts";
import {
  type ConnectionDeclarations,
  createConnectionDeclarations,
  readDeclarationParameters,
} from "../../request/append/declarations.ts";
import { readDedupe } from "../../request/append/dedupe.ts";
import { createStreamKeys } from "../../request/append/stream-keys.ts";
import type { ParametersOf } from "../../request/parameters.ts";
import { readParameters } from "../../request/query.ts";
import { noPatterns, readNaming } from "../../request/streams.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import { createClientSink } from "../../response/client-sink.ts";
import { createFrameWriter } from "../../websocket-protocol/frame-writer.ts";
import { createPauseReasons } from "../../websocket-protocol/pause-reasons.ts";
import type { ServerWebSocket } from "../../websocket-protocol/socket.ts";
import {
  errorContextOf,
  type ServedSocket,
  type SocketRequest,
} from "../../websocket-protocol/upgrade-route.ts";
import { readControl } from "../control.ts";
import type { DataParts } from "../parts.ts";
import { type ArrivedMessage, createMessageQueue, type MessageHandling } from "./message-queue.ts";
import { createPushBatches, type PushBatches } from "./push-batches.ts";

/**
 * Weight of a waiting entry besides its payload, in bytes. It stands for memory, and mainly for the time that Redis needs,
 * which delays the entries of other clients. It makes backpressure apply earlier to a client that sends tiny entries.
 */
const ENTRY_BYTES = 1024;

/** Number of entries whose keys are looked up between two yields. */
const ENTRIES_PER_STEP = 256;

const weightOf = (entries: readonly NewEntry[]): number =>
  entries.reduce((bytes, { data }) => bytes + data.length + ENTRY_BYTES, 0);

/** Approximate size of a notice of `status=1`, in bytes. */
const STATUS_BYTES = 100;

/** Serves a pushing socket. @throws GatewayError if a parameter is invalid */
export function servePush(request: SocketRequest, parts: DataParts): ServedSocket {
  const { webSocket, socket, search, session } = request;
  const { streams, access, payloadPool, config } = parts;
  const parameters = readParameters("push", search, config);
  const handling = readHandling(request, parameters, parts);
  const sink = createClientSink(socket, session.visitor, parts, false);
  const stopStatus = parameters.status ? reportStatus(sink, parts) : undefined;
  const attendance = attend(webSocket, parameters, parts);
  const pauseReason = createPauseReasons(webSocket);
  const unreadAcks = pauseReason();
  const inFlight = parts.pushGate.open(pauseReason(), access.memory.receive("append", session.visitor));
  const batches = createPushBatches({
    webSocket,
    sink,
    turnEnd: streams.turnEnd,
    payloadPool,
    inFlight,
    unreadAcks,
    wantsAck: parameters.ack,
  });
  const messages = createMessageQueue({
    ...handling(batches),
    hold: inFlight.add,
    letGo: inFlight.remove,
    reading: pauseReason(),
    workSlices: access.turns.slices,
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
    end: batches.end,
  };
}

/**
 * Reads the streams and the format of a request, and returns what decodes and stores its messages.
 *
 * @throws GatewayError if a parameter is invalid, or the client may not write to a stream
 */
function readHandling(
  request: SocketRequest,
  parameters: ParametersOf<"push">,
  parts: DataParts,
): (batches: PushBatches) => Pick<MessageHandling, "isLong" | "handle" | "steps"> {
  const { session, segment } = request;
  const { streams, access, observe, config, payloadPool } = parts;
  const { append } = streams;
  const named = parseStreamIds(segment, config.maxStreams);
  if (parameters.pattern) requireNoPattern(named, parameters.device_id, config.noDevicePrefix);
  const declarations = openDeclarations(request, parameters, parts);
  const withKey = readEntryNaming(request, named, parameters, parts, declarations);
  const decoder = createPushDecoder({
    format: parameters.format ?? (parameters.header ? "header" : "raw"),
    offsets: parameters.offsets,
    streams: named,
    maxEntries: config.maxBatchEntries,
  });

  /** Handles a control message. @returns false if the message is not one */
  function readsControl({ bytes, isBinary }: ArrivedMessage): boolean {
    const control = parameters.control ? readControl(bytes, isBinary) : undefined;
    if (control === undefined) return false;
    access.sessions.renew(session, control.token);
    return true;
  }

  /** Returns the buffer of a message that is not stored. */
  function giveBack(memory: Buffer | undefined): void {
    if (memory !== undefined) payloadPool.give(memory);
  }

  return (batches) => {
    /** Opens a batch whose ack also acknowledges the declaration of its streams. */
    function open(entries: readonly NewEntry[], memory: Buffer | undefined): AppendDone {
      const done = batches.open(weightOf(entries), memory);
      return declarations === undefined ? done : declarations.before(entries, done);
    }

    function reject(error: unknown): void {
      const reason = asGatewayError(error);
      observe.errorLog.note(reason, errorContextOf(session));
      batches.end(reason);
    }
    return {
      isLong: ({ bytes, isBinary }) => decoder.isLong(bytes, isBinary),
      handle(message) {
        const { bytes, isBinary, memory } = message;
        let unused = memory;
        try {
          const entries =
            batches.isEnding() || readsControl(message) ? undefined : decoder.message(bytes, isBinary);
          if (entries === undefined) return;
          // Names all entries before any is stored, so that a batch with a forbidden stream is rejected as a whole.
          const keyed = entries.map(withKey);
          unused = undefined;
          append(keyed, open(keyed, memory));
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
            batches.isEnding() || readsControl(message) ? undefined : yield* decoder.steps(bytes, isBinary);
          if (entries === undefined || batches.isEnding()) return;
          const keyed = yield* namingSteps(entries, withKey);
          unused = undefined;
          yield* appendSteps(append, keyed, open(keyed, memory));
        } catch (error) {
          reject(error);
        } finally {
          giveBack(unused);
        }
      },
    };
  };
}

/** Opens the declarations of a connection; undefined if it declares nothing. @throws GatewayError BAD_PARAMETER */
function openDeclarations(
  { session }: SocketRequest,
  parameters: ParametersOf<"push">,
  { streams, observe }: DataParts,
): ConnectionDeclarations | undefined {
  const requested = readDeclarationParameters(parameters);
  return (
    requested &&
    createConnectionDeclarations(requested, streams.declarations, (text) =>
      observe.warnings.note("declaration", [text], errorContextOf(session)),
    )
  );
}

/** Returns a function that adds the stream key to an entry. It throws GatewayError if the client may not write to the stream. */
function readEntryNaming(
  { session }: SocketRequest,
  streams: readonly string[],
  parameters: ParametersOf<"push">,
  { access, config }: DataParts,
  declarations: ConnectionDeclarations | undefined,
): (entry: PushedEntry) => NewEntry {
  const { visitor } = session;
  const naming = readNaming(parameters, config);
  access.sessions.use(session, "write", streams.map(naming.keyOf));
  const keys = createStreamKeys(naming.keyOf, (key) => {
    authorize(visitor.identity, "write", [key]);
    access.limits.useStream(visitor, key);
    declarations?.use(key);
  });
  session.onRenewed = keys.forget;
  const markNext = readDedupe(parameters);
  return ({ stream, id, data, fields }) => {
    const key = keys.keyOf(stream);
    if (markNext !== undefined) return { key, id, data, dedupe: markNext(), ...(fields && { fields }) };
    return fields === undefined ? { key, id, data } : { key, id, data, fields };
  };
}

function* namingSteps(
  entries: readonly PushedEntry[],
  withKey: (entry: PushedEntry) => NewEntry,
): Generator<void, readonly NewEntry[]> {
  const keyed: NewEntry[] = [];
  for (const entry of entries) {
    keyed.push(withKey(entry));
    if (keyed.length % ENTRIES_PER_STEP === 0) yield;
  }
  return keyed;
}

/** Reports when Redis becomes unavailable and when it is available again. @returns a function that stops the reports */
function reportStatus(sink: ByteSink, { streams: { availability } }: DataParts): () => void {
  const report = (unavailableSince: Date | undefined): void => {
    const out = createFrameWriter(STATUS_BYTES);
    out.text(JSON.stringify(statusOf(unavailableSince)));
    sink.write(out.take());
  };
  const unavailableSince = availability.unavailableSince();
  if (unavailableSince !== undefined) report(unavailableSince);
  return availability.watch(report);
}

/** Marks the device of a socket as connected, if the client requests it or `DEVICE_PRESENCE` is `auto`. */
function attend(
  webSocket: ServerWebSocket,
  { presence: isGiven, device_id: device = DEFAULT_DEVICE }: ParametersOf<"push">,
  { streams: { presence }, config }: DataParts,
): DeviceConnection | undefined {
  const isWanted = isGiven ?? config.devicePresence === "auto";
  // Without a device prefix, keys belong to no device.
  if (!isWanted || config.noDevicePrefix || device === "") return undefined;
  const attendance = presence.open(device, () => {
    // A paused socket cannot receive a pong, so its device counts as connected.
    if (webSocket.isPaused()) attendance.touch();
    else webSocket.ping();
  });
  return attendance;
}

/** @throws GatewayError BAD_PARAMETER if a stream id or the device is a pattern */
function requireNoPattern(ids: readonly string[], device: string | undefined, noDevicePrefix: boolean): void {
  const names = noDevicePrefix || device === undefined ? ids : [...ids, device];
  if (names.some((name) => name.includes("*"))) throw noPatterns(noDevicePrefix ? undefined : device);
}
