/** Route `/data/{stream_id}/pull`: sends new and stored entries to a client (docs/protocol.md, "WebSocket pull"). */
import type { Identity } from "../../access/identity/authorize.ts";
import type { Gap } from "../../domain/entry.ts";
import { asGatewayError, badParameter, type GatewayError } from "../../domain/errors.ts";
import type { Subscription } from "../../live/subscription.ts";
import { CLEAN_FORMAT_NAMES } from "../../wire/formats.ts";
import { readParameters } from "../request/query.ts";
import {
  cursorTimes,
  keysOf,
  type RequestLimits,
  readWantedStreams,
  resolveCursors,
  type WantedStream,
} from "../request/streams.ts";
import { oddTimes, timeWarnings } from "../request/warnings.ts";
import { type ByteSink, type Chunks, createByteSink } from "../response/byte-sink.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type WebSocketParts,
  type WebSocketRequest,
} from "./connection.ts";
import { readControl } from "./control.ts";
import { createFramesInFlight } from "./frames-in-flight.ts";
import type { PullEncoder, PullEncoders } from "./pull-encoder.ts";

/** Maximum number of acks that a client can send in advance. */
const MOST_CREDITS = 1_000_000;

interface PullRequest {
  readonly streams: readonly WantedStream[];
  readonly encoder: PullEncoder;
  /** Idle time in ms after which an empty payload is sent; 0 for never. */
  readonly blockMs: number;
  readonly latest: boolean;
  readonly wantsAck: boolean;
  /** Minimum time between two payloads, in ms; 0 for none. */
  readonly intervalMs: number;
  /** Maximum number of entries per stream in one on-demand delivery. */
  readonly deliveryCount: number;
  /** Whether the client receives a notice when entries may be missing. */
  readonly wantsGaps: boolean;
  /** Whether the client receives a notice when Redis becomes unavailable, and when it is available again. */
  readonly wantsStatus: boolean;
  /** Whether text messages that begin with `{` are control messages. */
  readonly takesControls: boolean;
}

function readPull(
  identity: Identity,
  segment: string,
  search: string,
  limits: RequestLimits,
  encoders: PullEncoders,
): PullRequest {
  const parameters = readParameters("pull", search, limits);
  const { count, latest, offsets, ack: wantsAck, gaps: wantsGaps, status: wantsStatus } = parameters;
  const streams = readWantedStreams(identity, segment, parameters, limits);
  const format = parameters.format ?? (parameters.header ? "header" : "raw");
  if (format === "raw" && streams.length > 1)
    throw badParameter("header", `must be 1 to pull several streams, got 0 with ${streams.length} streams`);
  const encoder = encoders({ format, offsets, count });
  if (wantsGaps && !encoder.hasGaps) throw badParameter("gaps", needsFormat);
  if (wantsStatus && !encoder.hasStatus) throw badParameter("status", needsFormat);
  const fps = parameters.max_fps;
  return {
    streams,
    encoder,
    wantsGaps,
    wantsStatus,
    takesControls: parameters.control,
    blockMs: parameters.block,
    latest,
    wantsAck,
    intervalMs: fps === 0 ? 0 : 1000 / fps,
    // Without a header, each message contains one entry, so acks and `max_fps` count entries.
    deliveryCount: format === "raw" && (wantsAck || fps > 0) ? 1 : count,
  };
}

const needsFormat = `requires ${CLEAN_FORMAT_NAMES.map((name) => `format=${name}`).join(" or ")}`;

/** Serves a pulling socket. @throws GatewayError if a parameter is invalid */
export function servePull(
  { webSocket, socket, segment, search, session }: WebSocketRequest,
  parts: WebSocketParts,
): ServedSocket {
  const { limits, streamReader, payloadPool, counters, turnEnd, sessions, errorLog, memory } = parts;
  const request = readPull(session.visitor.identity, segment, search, limits, parts.pullEncoders);
  sessions.use(session, "read", keysOf(request.streams));
  const sink = createByteSink({
    stream: socket,
    highWaterBytes: limits.sendHighWaterBytes,
    turnEnd,
    onBytes: (bytes) => {
      counters.bytesSent += bytes;
    },
    openLease: () => memory.answer("unread", session.visitor),
  });
  let delivery: { close(): void } | undefined;
  let closed = false;

  function end(error: GatewayError): void {
    if (closed) return;
    closed = true;
    stopStatus?.();
    delivery?.close();
    sink.flush();
    closeWith(webSocket, error);
  }

  /** Sends a gap notice before the payload that follows the gap. It needs no ack and does not count for `max_fps`. */
  function reportGap(gap: Gap): void {
    const message = request.encoder.encodeGap(gap);
    if (message !== undefined) sink.write(message);
  }

  /** Sends a status notice. Like a gap notice, it needs no ack and does not count for `max_fps`. */
  function reportStatus(unavailableSince: Date | undefined): void {
    const message = request.encoder.encodeStatus(unavailableSince);
    if (message !== undefined && !closed) sink.write(message);
  }

  const unavailableSince = parts.availability.unavailableSince();
  if (request.wantsStatus && unavailableSince !== undefined) reportStatus(unavailableSince);
  const stopStatus = request.wantsStatus ? parts.availability.watch(reportStatus) : undefined;
  const acks = request.wantsAck ? createAcks() : undefined;
  // With acks, only one payload is in flight anyway.
  const inFlight = request.latest && !request.wantsAck ? createFramesInFlight(sink) : undefined;

  // Only logged: browsers cannot read handshake headers, and the check needs a request to Redis after the handshake.
  const odd = oddTimes(cursorTimes(request.streams));
  if (odd.length > 0)
    void timeWarnings(streamReader, odd).then((sentences) =>
      parts.warnings.note("time", sentences, errorContextOf(session)),
    );

  resolveCursors(request.streams, streamReader).then(
    (streams) => {
      if (closed) return;
      const schedule = hasSchedule(request) ? createSchedule(request, sink, acks) : undefined;
      const subscription = parts.subscribe({
        streams,
        encoder: request.encoder,
        sink,
        memory: memory.answer("answer", session.visitor),
        ...((request.latest || request.wantsAck || request.intervalMs > 0) && {
          onDemand: { count: request.deliveryCount, latest: request.latest },
        }),
        ...((schedule || inFlight) && {
          onFrame({ bytes }: Chunks) {
            inFlight?.sent(bytes);
            schedule?.sent();
          },
        }),
        ...(request.wantsGaps && { onGap: reportGap }),
        onError: end,
      });
      delivery = subscription;
      if (schedule === undefined && inFlight === undefined) return;
      inFlight?.start(subscription);
      schedule?.start(subscription);
      delivery = {
        close() {
          inFlight?.stop();
          schedule?.stop();
          subscription.close();
        },
      };
    },
    (error) => end(asGatewayError(error)),
  );

  function handleControl(message: Buffer, isBinary: boolean): void {
    try {
      const control = readControl(message, isBinary);
      if (control === undefined) acks?.arrived();
      else sessions.renew(session, control.token);
    } catch (error) {
      const reason = asGatewayError(error);
      errorLog.note(reason, errorContextOf(session));
      end(reason);
    }
  }

  return {
    message(bytes, isBinary, memory) {
      if (request.takesControls) handleControl(bytes, isBinary);
      else acks?.arrived();
      if (memory !== undefined) payloadPool.give(memory);
    },
    ...(inFlight && { pong: inFlight.pong }),
    closed() {
      closed = true;
      stopStatus?.();
      delivery?.close();
    },
    end,
  };
}

/** Acks of the client. Each one permits one further payload. */
interface Acks {
  arrived(): void;
  /** Consumes an ack that was sent in advance, or calls back on the next ack. @returns whether there was one */
  take(onAck: () => void): boolean;
}

function createAcks(): Acks {
  let credits = 0;
  let waiting: (() => void) | undefined;
  return {
    arrived() {
      const callback = waiting;
      waiting = undefined;
      if (callback !== undefined) callback();
      else credits = Math.min(credits + 1, MOST_CREDITS);
    },
    take(onAck) {
      if (credits > 0) {
        credits--;
        return true;
      }
      waiting = onAck;
      return false;
    },
  };
}

/** Whether acks, `max_fps` or `block` control when payloads are sent. Most readers need only the sink. */
const hasSchedule = ({ wantsAck, intervalMs, blockMs, encoder }: PullRequest): boolean =>
  wantsAck || intervalMs > 0 || (blockMs > 0 && encoder.empty !== undefined);

/** Delivery schedule: after an ack, at most `max_fps` payloads a second, and an empty payload after `block` ms. */
function createSchedule(
  { intervalMs, blockMs, encoder }: PullRequest,
  sink: ByteSink,
  acks: Acks | undefined,
) {
  let subscription: Subscription | undefined;
  let lastSentAt = performance.now();
  let rateTimer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;

  function sent(): void {
    const before = lastSentAt;
    lastSentAt = performance.now();
    if (acks?.take(() => subscription?.resume("pending-ack")) === false) subscription?.pause("pending-ack");
    if (intervalMs === 0) return;
    // Measured from the time when this payload was due, so that a late timer does not reduce the rate.
    const lateness = Math.min(intervalMs, Math.max(0, lastSentAt - before - intervalMs));
    subscription?.pause("rate-limit");
    rateTimer = setTimeout(() => subscription?.resume("rate-limit"), Math.max(1, intervalMs - lateness));
  }

  function sendWhenIdle(): void {
    const idleMs = performance.now() - lastSentAt;
    // Timers may fire up to 1 ms early.
    const isIdle = subscription?.isPaused() === false && !subscription.isEncoding();
    const isQuiet = idleMs >= blockMs - 1 && isIdle;
    if (isQuiet && encoder.empty !== undefined) {
      sink.write(encoder.empty);
      sent();
    }
    idleTimer = setTimeout(sendWhenIdle, isQuiet ? blockMs : Math.max(1, blockMs - idleMs));
  }

  return {
    sent,
    start(started: Subscription) {
      subscription = started;
      if (blockMs > 0 && encoder.empty !== undefined) idleTimer = setTimeout(sendWhenIdle, blockMs);
    },
    stop() {
      clearTimeout(rateTimer);
      clearTimeout(idleTimer);
    },
  };
}
