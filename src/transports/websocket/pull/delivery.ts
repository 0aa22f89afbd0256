/** Delivery of one pulling socket: the subscription, and its controls. */
import type { Session } from "../../../access/sessions.ts";
import type { GatewayError } from "../../../domain/errors.ts";
import { StreamMemory } from "../../../live/memory/stream-memory.ts";
import type { Subscription } from "../../../live/subscription.ts";
import { gapOf } from "../../../wire/notices/gap-notice.ts";
import type { StreamNotice } from "../../../wire/notices/stream-notice.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../request/follow-pattern.ts";
import type { OpenStreams } from "../../request/pattern-streams.ts";
import type { ByteSink } from "../../response/byte-sink.ts";
import { PlaybackStates } from "../../response/playback-states.ts";
import type { FramesInFlight } from "../../websocket-protocol/frames-in-flight.ts";
import { errorContextOf } from "../../websocket-protocol/upgrade-route.ts";
import type { DataParts } from "../parts.ts";
import { type PlaybackCommand, runCommand } from "./playback-command.ts";
import type { PullRequest } from "./pull-request.ts";
import { type Acks, hasSchedule, PullSchedule } from "./pull-schedule.ts";

/** Delivery of one socket while it runs. */
export interface Delivery {
  /** Runs a command of the client. @throws GatewayError BAD_PAYLOAD */
  run(command: PlaybackCommand): void;
  close(): void;
}

/** Request, streams and connection of a delivery. */
export interface DeliveryOptions {
  readonly request: PullRequest;
  readonly opened: OpenStreams;
  readonly sink: ByteSink;
  readonly acks: Acks | undefined;
  readonly inFlight: FramesInFlight | undefined;
  readonly session: Session;
  readonly onError: (error: GatewayError) => void;
}

/** Subscribes the client to its streams. */
export function startDelivery(
  { request, opened, sink, acks, inFlight, session, onError }: DeliveryOptions,
  parts: DataParts,
): Delivery {
  const { encoder, latest, wantsAck, intervalMs, deliveryCount, playback } = request;
  const isOnDemand = latest || wantsAck || intervalMs > 0;
  const frames = inFlight ?? sink;
  const states = playback && new PlaybackStates(sink, (state) => encoder.encodeNotice({ state }), frames);
  const schedule = hasSchedule(request) ? new PullSchedule(request, sink, acks) : undefined;
  const subscription = parts.streams.subscribe({
    streams: opened.streams,
    encoder,
    sink: states ?? frames,
    memory: parts.access.memory.answer("answer", session.visitor),
    streamMemory: new StreamMemory(parts.access.memory.streams(session.visitor)),
    ...(isOnDemand && { onDemand: { count: deliveryCount, latest } }),
    ...(playback && {
      playback: {
        latest,
        ...playback,
        ...(isOnDemand && { count: deliveryCount }),
        onState: (state) => states?.report(state),
      },
    }),
    ...(schedule && { onFrame: () => schedule.sent() }),
    ...(request.wantsGaps && {
      // Precedes the payload that follows the gap. It needs no ack and does not count for `max_fps`.
      onGap(gap) {
        const message = encoder.encodeNotice(gapOf(gap));
        if (message !== undefined) sink.write(message);
      },
    }),
    onError,
  });
  return new PullDelivery({
    ...{ subscription, schedule, states, inFlight },
    stopPattern: followPattern({ request, opened, sink, session, onError }, subscription, parts),
    forget: parts.access.sessions.read(session, subscription),
  });
}

/** Parts of a delivery that run. */
interface DeliveryParts {
  readonly subscription: Subscription;
  readonly schedule: PullSchedule | undefined;
  readonly states: { close(): void } | undefined;
  readonly inFlight: FramesInFlight | undefined;
  readonly stopPattern: (() => void) | undefined;
  /** Removes the subscription from the session. */
  readonly forget: () => void;
}

class PullDelivery implements Delivery {
  readonly #parts: DeliveryParts;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    parts.inFlight?.start(parts.subscription);
    parts.schedule?.start(parts.subscription);
  }

  run(command: PlaybackCommand): void {
    const { playback } = this.#parts.subscription;
    if (playback !== undefined) runCommand(playback, command);
  }

  close(): void {
    const { subscription, schedule, states, inFlight, stopPattern, forget } = this.#parts;
    states?.close();
    stopPattern?.();
    inFlight?.stop();
    schedule?.stop();
    forget();
    subscription.close();
  }
}

/** Adds and removes the streams of a pattern, and reports that to the client. @returns a function that ends it */
function followPattern(
  { request, opened, sink, session, onError }: Omit<DeliveryOptions, "acks" | "inFlight">,
  subscription: Subscription,
  { access, observe, config }: DataParts,
): (() => void) | undefined {
  const { pattern, streams } = opened;
  if (pattern === undefined) return undefined;
  /** Like a gap notice, it needs no ack and does not count for `max_fps`. */
  function notify(notice: StreamNotice): void {
    const message = request.wantsJoins ? request.encoder.encodeNotice(notice) : undefined;
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
    onError,
  });
}
