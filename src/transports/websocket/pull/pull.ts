/** Route `/data/{stream_id}/pull`: sends new and stored entries to a client (docs/protocol.md, "WebSocket pull"). */
import type { Socket } from "node:net";
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Session } from "../../../access/sessions.ts";
import { asGatewayError, type GatewayError } from "../../../domain/errors.ts";
import { statusOf } from "../../../wire/notices/status-notice.ts";
import { type OpenStreams, openStreams } from "../../request/pattern-streams.ts";
import { cursorTimes, keysOf } from "../../request/streams.ts";
import { logOddTimes } from "../../request/warnings.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import { createClientSink } from "../../response/client-sink.ts";
import { FramesInFlight } from "../../websocket-protocol/frames-in-flight.ts";
import { MessageTurns } from "../../websocket-protocol/message-turns.ts";
import type { ServerWebSocket } from "../../websocket-protocol/socket.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type SocketRequest,
} from "../../websocket-protocol/upgrade-route.ts";
import { readControl } from "../control.ts";
import type { DataParts } from "../parts.ts";
import { CommandQueue, needsPlayback } from "./command-queue.ts";
import { type Delivery, startDelivery } from "./delivery.ts";
import { openJoinsMemory } from "./joins-memory.ts";
import type { PlaybackCommand } from "./playback-command.ts";
import { type PullRequest, readPull } from "./pull-request.ts";
import { type Acks, createAcks } from "./pull-schedule.ts";

/** Serves a pulling socket. @throws GatewayError if a parameter is invalid */
export function servePull(accepted: SocketRequest, parts: DataParts): ServedSocket {
  const { session, segment, search } = accepted;
  const request = readPull(session.visitor.identity, segment, search, parts.config, parts.pullEncoders);
  parts.access.sessions.use(session, "read", keysOf(request.requested.named));
  const served = new PullSocket(accepted, request, parts);
  served.start(request);
  return served;
}

/** Pulling socket. Keeps nothing of its request that an idle reader does not need. */
class PullSocket implements ServedSocket {
  readonly #webSocket: ServerWebSocket;
  readonly #session: Session;
  readonly #parts: DataParts;
  readonly #sink: ByteSink;
  readonly #takesControls: boolean;
  readonly #acks: Acks | undefined;
  /** With acks, only one payload is in flight anyway. */
  readonly #inFlight: FramesInFlight | undefined;
  /** Commands of a playback, and their turns. */
  readonly #commands: CommandQueue | undefined;
  readonly #turns: MessageTurns<PlaybackCommand> | undefined;
  readonly #stopStatus: (() => void) | undefined;
  #delivery: Delivery | undefined;
  /** Reservation for the list of the streams, while it waits for memory and is encoded. */
  #joinsMemory: MemoryLease | undefined;
  #isClosed = false;

  constructor({ webSocket, socket, session }: SocketRequest, request: PullRequest, parts: DataParts) {
    this.#webSocket = webSocket;
    this.#session = session;
    this.#parts = parts;
    this.#takesControls = request.takesControls;
    const sink = createClientSink(socket, session.visitor, parts);
    this.#sink = sink;
    if (request.playback !== undefined) {
      this.#commands = new CommandQueue();
      this.#turns = this.#createTurns(socket, this.#commands);
    }
    this.#stopStatus = request.wantsStatus ? reportStatus(request, sink, parts) : undefined;
    this.#acks = request.wantsAck ? createAcks() : undefined;
    this.#inFlight = request.latest && !request.wantsAck ? new FramesInFlight(sink) : undefined;
  }

  /** Finds the streams, and subscribes to them. */
  start(request: PullRequest): void {
    const { requested, playback } = request;
    const { visitor } = this.#session;
    logOddTimes(cursorTimes(requested.named, playback), {
      warnings: this.#parts.observe.warnings,
      lastIds: this.#parts.streams.registry,
      at: errorContextOf(this.#session),
    });
    openStreams(requested, visitor, this.#parts, playback).then(
      (opened) => this.#subscribeWithMemory(request, opened),
      (error) => this.end(asGatewayError(error)),
    );
  }

  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void {
    if (this.#takesControls) this.#rejectErrors(() => this.#handleControl(bytes, isBinary));
    else this.#acks?.arrived();
    if (memory !== undefined) this.#parts.payloadPool.give(memory);
  }

  pong(payload: Uint8Array): void {
    this.#inFlight?.pong(payload);
  }

  closed(): void {
    this.#isClosed = true;
    this.#stopStatus?.();
    this.#joinsMemory?.release();
    this.#delivery?.close();
  }

  end(error: GatewayError): void {
    if (this.#isClosed) return;
    this.closed();
    this.#sink.flush();
    closeWith(this.#webSocket, error);
  }

  /** Subscribes when there is memory for the message that lists the streams, and in a turn that has time to encode it. */
  async #subscribeWithMemory(request: PullRequest, opened: OpenStreams): Promise<void> {
    const listed =
      request.wantsJoins && !this.#isClosed
        ? openJoinsMemory(opened, this.#session.visitor, this.#parts)
        : undefined;
    if (listed === undefined) {
      this.#subscribe(request, opened);
      return;
    }
    const { lease, bytes } = listed;
    this.#joinsMemory = lease;
    try {
      await lease.grow(bytes);
      const slices = this.#parts.access.turns.slices.begin();
      if (slices.isOver()) await slices.next();
      this.#subscribe(request, opened);
    } catch (error) {
      opened.pattern?.close();
      this.end(asGatewayError(error));
    } finally {
      lease.release();
    }
  }

  #subscribe(request: PullRequest, opened: OpenStreams): void {
    if (this.#isClosed) {
      opened.pattern?.close();
      return;
    }
    const delivery = startDelivery(
      {
        ...{ request, opened, session: this.#session },
        ...{ sink: this.#sink, acks: this.#acks, inFlight: this.#inFlight },
        onError: (error) => this.end(error),
      },
      this.#parts,
    );
    this.#delivery = delivery;
    const early = this.#commands?.start((command) => delivery.run(command)) ?? [];
    for (const command of early) this.#rejectErrors(() => delivery.run(command));
  }

  /** A command has work for each stream of the playback, and a client can send hundreds at once. */
  #createTurns(socket: Socket, commands: CommandQueue): MessageTurns<PlaybackCommand> {
    const { access, streams } = this.#parts;
    return new MessageTurns<PlaybackCommand>({
      owner: { connection: socket, address: () => this.#session.visitor.address },
      ...{ turns: access.turns.requests, turnEnd: streams.turnEnd, reading: this.#webSocket },
      deliver: (command) => {
        if (!this.#isClosed) this.#rejectErrors(() => commands.add(command));
      },
    });
  }

  #rejectErrors(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      const reason = asGatewayError(error);
      this.#parts.observe.errorLog.note(reason, errorContextOf(this.#session));
      this.end(reason);
    }
  }

  #handleControl(message: Buffer, isBinary: boolean): void {
    const control = readControl(message, isBinary);
    if (control === undefined) this.#acks?.arrived();
    else if ("token" in control) this.#parts.access.sessions.renew(this.#session, control.token);
    else if (this.#turns === undefined) throw needsPlayback(control.command);
    else this.#turns.add(control.command);
  }
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
