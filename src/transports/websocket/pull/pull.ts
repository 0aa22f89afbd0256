/** Route `/data/{stream_id}/pull`: sends new and stored entries to a client (docs/protocol.md, "WebSocket pull"). */
import type { Session } from "../../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../../domain/errors.ts";
import type { Subscription } from "../../../live/subscription.ts";
import type { StreamNotice } from "../../../wire/notices/stream-notice.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../request/follow-pattern.ts";
import { type OpenStreams, openStreams } from "../../request/pattern-streams.ts";
import { cursorTimes, keysOf } from "../../request/streams.ts";
import { oddTimes, timeWarnings } from "../../request/warnings.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import type { Chunks } from "../../response/chunks.ts";
import { createClientSink } from "../../response/client-sink.ts";
import { PlaybackStates } from "../../response/playback-states.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type SocketRequest,
} from "../../websocket-protocol/upgrade-route.ts";
import { readControl } from "../control.ts";
import type { DataParts } from "../parts.ts";
import { createFramesInFlight, type FramesInFlight } from "./frames-in-flight.ts";
import { type PlaybackCommand, runCommand } from "./playback-command.ts";
import { type PullRequest, readPull } from "./pull-request.ts";
import { type Acks, createAcks, createSchedule, hasSchedule } from "./pull-schedule.ts";

/** Serves a pulling socket. @throws GatewayError if a parameter is invalid */
export function servePull(
  { webSocket, socket, segment, search, session }: SocketRequest,
  parts: DataParts,
): ServedSocket {
  const { streams, access, observe, config } = parts;
  const { availability } = streams;
  const request = readPull(session.visitor.identity, segment, search, config, parts.pullEncoders);
  access.sessions.use(session, "read", keysOf(request.requested.named));
  const sink = createClientSink(socket, session.visitor, parts);
  let delivery: Delivery | undefined;
  /** Commands that arrive before the delivery starts. */
  let early: PlaybackCommand[] = [];
  let closed = false;

  function stop(): void {
    closed = true;
    stopStatus?.();
    delivery?.close();
  }

  function end(error: GatewayError): void {
    if (closed) return;
    stop();
    sink.flush();
    closeWith(webSocket, error);
  }

  /** Sends a status notice. Like a gap notice, it needs no ack and does not count for `max_fps`. */
  function reportStatus(unavailableSince: Date | undefined): void {
    const message = request.encoder.encodeStatus(unavailableSince);
    if (message !== undefined && !closed) sink.write(message);
  }

  const unavailableSince = availability.unavailableSince();
  if (request.wantsStatus && unavailableSince !== undefined) reportStatus(unavailableSince);
  const stopStatus = request.wantsStatus ? availability.watch(reportStatus) : undefined;
  const acks = request.wantsAck ? createAcks() : undefined;
  // With acks, only one payload is in flight anyway.
  const inFlight = request.latest && !request.wantsAck ? createFramesInFlight(sink) : undefined;
  warnOfOddTimes(request, session, parts);
  openStreams(request.requested, session.visitor.identity, parts, request.playback).then(
    (opened) => {
      if (closed) {
        opened.pattern?.close();
        return;
      }
      delivery = deliver({ request, opened, sink, acks, inFlight, session, onError: end }, parts);
      const commands = early;
      early = [];
      for (const command of commands) rejectErrors(() => run(command));
    },
    (error) => end(asGatewayError(error)),
  );

  function rejectErrors(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      const reason = asGatewayError(error);
      observe.errorLog.note(reason, errorContextOf(session));
      end(reason);
    }
  }

  function handleControl(message: Buffer, isBinary: boolean): void {
    const control = readControl(message, isBinary);
    if (control === undefined) acks?.arrived();
    else if ("token" in control) access.sessions.renew(session, control.token);
    else run(control.command);
  }

  function run(command: PlaybackCommand): void {
    if (request.playback === undefined)
      throw new GatewayError(
        "BAD_PAYLOAD",
        `${command.name} requires a playback, which has the parameter rate`,
      );
    if (delivery !== undefined) delivery.run(command);
    else if (early.length < MOST_EARLY) early.push(command);
    else
      throw new GatewayError("BAD_PAYLOAD", `more than ${MOST_EARLY} commands before the playback started`);
  }

  return {
    message(bytes, isBinary, memory) {
      if (request.takesControls) rejectErrors(() => handleControl(bytes, isBinary));
      else acks?.arrived();
      if (memory !== undefined) parts.payloadPool.give(memory);
    },
    ...(inFlight && { pong: inFlight.pong }),
    closed: stop,
    end,
  };
}

/** Logs times that are probably not in milliseconds. Browsers cannot read handshake headers, and the check needs a read after the handshake. */
function warnOfOddTimes(request: PullRequest, session: Session, { streams, observe }: DataParts): void {
  const odd = oddTimes(cursorTimes(request.requested.named));
  if (odd.length > 0)
    void timeWarnings(streams.streamReader, odd).then((sentences) =>
      observe.warnings.note("time", sentences, errorContextOf(session)),
    );
}

/** Maximum number of commands before the streams are open. */
const MOST_EARLY = 100;

/** A running delivery. */
interface Delivery {
  /** Runs a command of the client. @throws GatewayError BAD_PAYLOAD */
  run(command: PlaybackCommand): void;
  close(): void;
}

interface DeliveryOptions {
  readonly request: PullRequest;
  readonly opened: OpenStreams;
  readonly sink: ByteSink;
  readonly acks: Acks | undefined;
  readonly inFlight: FramesInFlight | undefined;
  readonly session: Session;
  readonly onError: (error: GatewayError) => void;
}

/** Subscribes the client to its streams. */
function deliver(
  { request, opened, sink, acks, inFlight, session, onError }: DeliveryOptions,
  parts: DataParts,
): Delivery {
  const { encoder, latest, wantsAck, intervalMs, deliveryCount, playback } = request;
  const isOnDemand = latest || wantsAck || intervalMs > 0;
  const states = playback && new PlaybackStates(sink, (state) => encoder.encodeState(state));
  const schedule = hasSchedule(request) ? createSchedule(request, sink, acks) : undefined;
  const subscription = parts.streams.subscribe({
    streams: opened.streams,
    encoder,
    sink: states ?? sink,
    memory: parts.access.memory.answer("answer", session.visitor),
    ...(isOnDemand && { onDemand: { count: deliveryCount, latest } }),
    ...(playback && {
      playback: {
        ...playback,
        latest,
        ...(isOnDemand && { count: deliveryCount }),
        onState: (state) => states?.report(state),
      },
    }),
    ...((schedule || inFlight) && {
      onFrame({ bytes }: Chunks) {
        inFlight?.sent(bytes);
        schedule?.sent();
      },
    }),
    ...(request.wantsGaps && {
      // Precedes the payload that follows the gap. It needs no ack and does not count for `max_fps`.
      onGap(gap) {
        const message = encoder.encodeGap(gap);
        if (message !== undefined) sink.write(message);
      },
    }),
    onError,
  });
  const stopPattern = followPattern({ request, opened, sink, session }, subscription, parts);
  inFlight?.start(subscription);
  schedule?.start(subscription);
  return {
    run(command) {
      if (subscription.playback !== undefined) runCommand(subscription.playback, command);
    },
    close() {
      states?.close();
      stopPattern?.();
      inFlight?.stop();
      schedule?.stop();
      subscription.close();
    },
  };
}

/** Adds and removes the streams of a pattern, and reports that to the client. @returns a function that ends it */
function followPattern(
  { request, opened, sink, session }: Pick<DeliveryOptions, "request" | "opened" | "sink" | "session">,
  subscription: Subscription,
  { access, observe, config }: DataParts,
): (() => void) | undefined {
  const { pattern, streams } = opened;
  if (pattern === undefined) return undefined;
  /** Like a gap notice, it needs no ack and does not count for `max_fps`. */
  function notify(notice: StreamNotice): void {
    const message = request.wantsJoins ? request.encoder.encodeStreams(notice) : undefined;
    if (message !== undefined) sink.write(message);
  }
  notify({ streams: streams.map(({ name, cursor }) => [name, cursor]) });
  return startPattern(pattern, {
    subscription,
    session,
    sessions: access.sessions,
    onJoin: (name) => notify({ joined: { stream_id: name } }),
    onLeave: (name) => notify({ left: { stream_id: name } }),
    onLimit(name) {
      const { maxStreams } = config;
      observe.logger.warn({ ...errorContextOf(session), stream: name, maxStreams }, TOO_MANY_STREAMS);
      notify({ limit: { stream_id: name, max_streams: maxStreams } });
    },
  });
}
