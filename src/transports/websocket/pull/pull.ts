/** Route `/data/{stream_id}/pull`: sends new and stored entries to a client (docs/protocol.md, "WebSocket pull"). */
import { asGatewayError, type GatewayError } from "../../../domain/errors.ts";
import { statusOf } from "../../../wire/notices/status-notice.ts";
import { openStreams } from "../../request/pattern-streams.ts";
import { cursorTimes, keysOf } from "../../request/streams.ts";
import { logOddTimes } from "../../request/warnings.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import { createClientSink } from "../../response/client-sink.ts";
import { FramesInFlight } from "../../websocket-protocol/frames-in-flight.ts";
import { MessageTurns } from "../../websocket-protocol/message-turns.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type SocketRequest,
} from "../../websocket-protocol/upgrade-route.ts";
import { readControl } from "../control.ts";
import type { DataParts } from "../parts.ts";
import { CommandQueue } from "./command-queue.ts";
import { type Delivery, startDelivery } from "./delivery.ts";
import type { PlaybackCommand } from "./playback-command.ts";
import { type PullRequest, readPull } from "./pull-request.ts";
import { createAcks } from "./pull-schedule.ts";

/** Serves a pulling socket. @throws GatewayError if a parameter is invalid */
export function servePull(
  { webSocket, socket, segment, search, session }: SocketRequest,
  parts: DataParts,
): ServedSocket {
  const { access, observe, config } = parts;
  const request = readPull(session.visitor.identity, segment, search, config, parts.pullEncoders);
  access.sessions.use(session, "read", keysOf(request.requested.named));
  const sink = createClientSink(socket, session.visitor, parts);
  const commands = new CommandQueue(request.playback !== undefined);
  // A command has work for each stream of the playback, and a client can send hundreds at once.
  const turns =
    request.playback &&
    new MessageTurns<PlaybackCommand>({
      owner: { connection: socket, address: () => session.visitor.address },
      ...{ turns: access.turns.requests, turnEnd: parts.streams.turnEnd, reading: webSocket },
      deliver: (command) => {
        if (!closed) rejectErrors(() => commands.add(command));
      },
    });
  let delivery: Delivery | undefined;
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

  const stopStatus = request.wantsStatus ? reportStatus(request, sink, parts) : undefined;
  const acks = request.wantsAck ? createAcks() : undefined;
  // With acks, only one payload is in flight anyway.
  const inFlight = request.latest && !request.wantsAck ? new FramesInFlight(sink) : undefined;
  logOddTimes(cursorTimes(request.requested.named, request.playback), {
    warnings: observe.warnings,
    lastIds: parts.streams.registry,
    at: errorContextOf(session),
  });
  openStreams(request.requested, session.visitor.identity, parts, request.playback).then(
    (opened) => {
      if (closed) {
        opened.pattern?.close();
        return;
      }
      delivery = startDelivery({ request, opened, sink, acks, inFlight, session, onError: end }, parts);
      for (const command of commands.start(delivery.run)) rejectErrors(() => commands.add(command));
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
    else if (turns === undefined) commands.add(control.command);
    else turns.add(control.command);
  }

  return {
    message(bytes, isBinary, memory) {
      if (request.takesControls) rejectErrors(() => handleControl(bytes, isBinary));
      else acks?.arrived();
      if (memory !== undefined) parts.payloadPool.give(memory);
    },
    ...(inFlight && { pong: (payload: Uint8Array) => inFlight.pong(payload) }),
    closed: stop,
    end,
  };
}

/**
 * Sends a status notice when Redis becomes unavailable and when it is available again. Like a gap notice, it needs no ack and
 * does not count for `max_fps`.
 *
 * @returns a function that stops the notices
 */
function reportStatus(
  { encoder }: PullRequest,
  sink: ByteSink,
  { streams: { availability } }: DataParts,
): () => void {
  const report = (unavailableSince: Date | undefined): void => {
    const message = encoder.encodeNotice(statusOf(unavailableSince));
    if (message !== undefined) sink.write(message);
  };
  const unavailableSince = availability.unavailableSince();
  if (unavailableSince !== undefined) report(unavailableSince);
  return availability.watch(report);
}
