/** `/data/{stream_id}/pull`: sends entries as they arrive, or as they once arrived (docs/protocol.md, "WebSocket pull"). */
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
  refusedAt,
  type ServedSocket,
  type WebSocketParts,
  type WebSocketRequest,
} from "./connection.ts";
import { readControl } from "./control.ts";
import { createFramesInFlight } from "./frames-in-flight.ts";
import type { PullEncoder, PullEncoders } from "./pull-encoder.ts";

/** Acks sent ahead are kept, up to this many. */
const MOST_CREDITS = 1_000_000;

interface PullRequest {
  readonly streams: readonly WantedStream[];
  readonly encoder: PullEncoder;
  /** Time of quiet, in ms, after which an empty payload is sent; 0 for never. */
  readonly blockMs: number;
  readonly latest: boolean;
  readonly wantsAck: boolean;
  /** Least time between two payloads, in ms; 0 for none. */
  readonly intervalMs: number;
  /** Entries per stream that one turn sends. */
  readonly turnCount: number;
  /** It is to be told where entries are gone. */
  readonly wantsGaps: boolean;
  /** Whether the client receives a notice when Redis stops answering, and when it answers again. */
  readonly wantsStatus: boolean;
  /** Whether text messages that begin with `{` are for the gateway. */
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
    throw badParameter("header", `0 pulls one stream, and stream_id names ${streams.length}`);
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
    // Without a header a payload is one message is one entry, so that is what an ack or the pace counts.
    turnCount: format === "raw" && (wantsAck || fps > 0) ? 1 : count,
  };
}

const needsFormat = `requires ${CLEAN_FORMAT_NAMES.map((name) => `format=${name}`).join(" or ")}`;

/** Serves a pulling socket. @throws GatewayError where a parameter is wrong */
export function servePull(
  { webSocket, socket, segment, search, session }: WebSocketRequest,
  parts: WebSocketParts,
): ServedSocket {
  const { limits, log, payloadPool, counters, turnEnd, sessions, refusals, memory } = parts;
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
  let course: { close(): void } | undefined;
  let closed = false;

  function end(error: GatewayError): void {
    if (closed) return;
    closed = true;
    stopStatus?.();
    course?.close();
    sink.flush();
    closeWith(webSocket, error);
  }

  /** It goes with the payload behind it: it is neither acknowledged nor counted by `max_fps`. */
  function tellGap(gap: Gap): void {
    const message = request.encoder.encodeGap(gap);
    if (message !== undefined) sink.write(message);
  }

  /** Like a gap, it is neither acknowledged nor counted by `max_fps`. */
  function reportStatus(unavailableSince: Date | undefined): void {
    const message = request.encoder.encodeStatus(unavailableSince);
    if (message !== undefined && !closed) sink.write(message);
  }

  const unavailableSince = parts.availability.unavailableSince();
  if (request.wantsStatus && unavailableSince !== undefined) reportStatus(unavailableSince);
  const stopStatus = request.wantsStatus ? parts.availability.watch(reportStatus) : undefined;
  const acks = request.wantsAck ? createAcks() : undefined;
  // Where each payload is acknowledged, no more than one is on its way in any case.
  const inFlight = request.latest && !request.wantsAck ? createFramesInFlight(sink) : undefined;

  // A browser cannot read headers of the handshake, and Redis is asked after it: this is for the operator alone.
  const odd = oddTimes(cursorTimes(request.streams));
  if (odd.length > 0)
    void timeWarnings(log, odd).then((sentences) =>
      parts.warnings.note("time", sentences, refusedAt(session)),
    );

  resolveCursors(request.streams, log).then(
    (streams) => {
      if (closed) return;
      const rhythm = hasRhythm(request) ? createRhythm(request, sink, acks) : undefined;
      const subscription = parts.subscribe({
        streams,
        encoder: request.encoder,
        sink,
        memory: memory.answer("answer", session.visitor),
        ...((request.latest || request.wantsAck || request.intervalMs > 0) && {
          onDemand: { count: request.turnCount, latest: request.latest },
        }),
        ...((rhythm || inFlight) && {
          onFrame({ bytes }: Chunks) {
            inFlight?.sent(bytes);
            rhythm?.sent();
          },
        }),
        ...(request.wantsGaps && { onGap: tellGap }),
        onError: end,
      });
      course = subscription;
      if (rhythm === undefined && inFlight === undefined) return;
      inFlight?.start(subscription);
      rhythm?.start(subscription);
      course = {
        close() {
          inFlight?.stop();
          rhythm?.stop();
          subscription.close();
        },
      };
    },
    (error) => end(asGatewayError(error)),
  );

  function controlled(message: Buffer, isBinary: boolean): void {
    try {
      const control = readControl(message, isBinary);
      if (control === undefined) acks?.arrived();
      else sessions.renew(session, control.token);
    } catch (error) {
      const told = asGatewayError(error);
      refusals.note(told, refusedAt(session));
      end(told);
    }
  }

  return {
    message(bytes, isBinary, memory) {
      if (request.takesControls) controlled(bytes, isBinary);
      else acks?.arrived();
      if (memory !== undefined) payloadPool.give(memory);
    },
    ...(inFlight && { pong: inFlight.pong }),
    closed() {
      closed = true;
      stopStatus?.();
      course?.close();
    },
    end,
  };
}

/** Messages of the client, each of which lets one further payload go. */
interface Acks {
  arrived(): void;
  /** Takes an ack that came ahead; else calls back when the next one comes. @returns whether one was there */
  take(whenOneComes: () => void): boolean;
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
    take(whenOneComes) {
      if (credits > 0) {
        credits--;
        return true;
      }
      waiting = whenOneComes;
      return false;
    },
  };
}

/** Whether anything but the sink says when payloads go: thousands of plain readers need nothing more. */
const hasRhythm = ({ wantsAck, intervalMs, blockMs, encoder }: PullRequest): boolean =>
  wantsAck || intervalMs > 0 || (blockMs > 0 && encoder.empty !== undefined);

/** When payloads may go: after an ack, at most so many a second, and an empty one when it was quiet for long. */
function createRhythm({ intervalMs, blockMs, encoder }: PullRequest, sink: ByteSink, acks: Acks | undefined) {
  let subscription: Subscription | undefined;
  let lastSentAt = performance.now();
  let pace: NodeJS.Timeout | undefined;
  let quiet: NodeJS.Timeout | undefined;

  function sent(): void {
    const before = lastSentAt;
    lastSentAt = performance.now();
    if (acks?.take(() => subscription?.resume("ack")) === false) subscription?.pause("ack");
    if (intervalMs === 0) return;
    // Measured from when this payload was due, so that a late timer does not slow the rhythm down.
    const lateness = Math.min(intervalMs, Math.max(0, lastSentAt - before - intervalMs));
    subscription?.pause("pace");
    pace = setTimeout(() => subscription?.resume("pace"), Math.max(1, intervalMs - lateness));
  }

  function sayQuiet(): void {
    const silence = performance.now() - lastSentAt;
    // Timers may fire a little early.
    const isIdle = subscription?.isPaused() === false && !subscription.isEncoding();
    const isQuiet = silence >= blockMs - 1 && isIdle;
    if (isQuiet && encoder.empty !== undefined) {
      sink.write(encoder.empty);
      sent();
    }
    quiet = setTimeout(sayQuiet, isQuiet ? blockMs : Math.max(1, blockMs - silence));
  }

  return {
    sent,
    start(started: Subscription) {
      subscription = started;
      if (blockMs > 0 && encoder.empty !== undefined) quiet = setTimeout(sayQuiet, blockMs);
    },
    stop() {
      clearTimeout(pace);
      clearTimeout(quiet);
    },
  };
}
