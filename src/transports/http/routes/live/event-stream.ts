/** Long-lived responses that deliver entries as they arrive: the common part of SSE and MJPEG. */
import type { FastifyReply } from "fastify";
import type { SessionKind } from "../../../../access/sessions.ts";
import type { GatewayError } from "../../../../domain/errors.ts";
import type { Gap } from "../../../../domain/streams/entry.ts";
import { reserveStreams, StreamMemory } from "../../../../live/memory/stream-memory.ts";
import type { PlaybackOptions } from "../../../../live/playback/options.ts";
import type { Encoder, Sink } from "../../../../live/sink.ts";
import type { Subscription, SubscriptionOptions } from "../../../../live/subscription.ts";
import type { PlaybackNotice } from "../../../../wire/notices/playback-notice.ts";
import type { TransportParts } from "../../../parts.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../../request/follow-pattern.ts";
import { namedKeysOf, type OpenStreams, type PatternStreams } from "../../../request/pattern-streams.ts";
import type { Chunks } from "../../../response/memory/chunks.ts";
import { OpenResponse } from "../../../response/open-response.ts";
import { PlaybackStates } from "../../../response/playback-states.ts";

/** Content and format of a live response. */
export interface LiveResponseOptions {
  readonly kind: SessionKind;
  readonly contentType: string;
  /** Closed when the response ends, and if it cannot begin. */
  readonly opened: OpenStreams;
  readonly encoder: Encoder<Chunks>;
  readonly onDemand?: NonNullable<SubscriptionOptions<Chunks>["onDemand"]>;
  /** If present, the response is a playback. */
  readonly playback?: PlaybackOptions | undefined;
  /** Formats the state of a playback. */
  readonly stateNotice?: (state: PlaybackNotice) => Chunks;
  /** Sent first. */
  readonly opening: Chunks;
  /** Sent every `HEARTBEAT_MS`: these bytes, or the last frame again if no frame was sent in that time. */
  readonly heartbeat: Chunks | "last frame";
  /** Formats an error that occurs after the status line was sent. */
  readonly farewell?: (error: GatewayError) => Chunks;
  readonly maxFps?: number;
  /** Formats a gap: entries may be missing. */
  readonly gapNotice?: (gap: Gap) => Chunks;
  /** Format the changes of the streams of a pattern. `isFull`: the client has not read the bytes before. */
  readonly patternNotices?: {
    joined(stream: string, isFull: boolean): Chunks;
    left(stream: string, isFull: boolean): Chunks;
    limit(stream: string): Chunks;
  };
  /** Formats a change of the availability of Redis. */
  readonly statusNotice?: (unavailableSince: Date | undefined) => Chunks;
}

/** Sends a response that follows streams until the client disconnects or the gateway stops. */
export function sendLive(reply: FastifyReply, options: LiveResponseOptions, parts: TransportParts): void {
  try {
    const { visitor } = reply.request;
    parts.access.limits.checkConnection(visitor);
    // Before the head, so that the response has a status.
    const probe = new StreamMemory(parts.access.memory.streams(visitor));
    reserveStreams(probe, options.opened.streams);
    probe.release();
  } catch (error) {
    options.opened.pattern?.close();
    throw error;
  }
  new LiveResponse(reply, options, parts).start();
}

/** A response in progress. */
class LiveResponse {
  readonly #options: LiveResponseOptions;
  readonly #parts: TransportParts;
  readonly #response: OpenResponse;
  /** Receiver of the frames: the sink, or the states of a playback in front of it. */
  #frames: Sink<Chunks>;
  #subscription: Subscription | undefined;
  #rateTimer: NodeJS.Timeout | undefined;
  #lastFrame: Chunks | undefined;
  /** Stops the parts that the response uses. */
  readonly #stops: (() => void)[] = [];

  /** Sends the head. @throws GatewayError FORBIDDEN */
  constructor(reply: FastifyReply, options: LiveResponseOptions, parts: TransportParts) {
    const { kind, contentType, heartbeat, opened } = options;
    this.#options = options;
    this.#parts = parts;
    this.#response = new OpenResponse(
      reply,
      {
        ...{ kind, contentType },
        heartbeat: () => (heartbeat === "last frame" ? this.#lastFrame : heartbeat),
        onGone: () => this.#end(),
        onError: (error) => this.#endWith(error),
      },
      parts,
      namedKeysOf(opened),
    );
    this.#frames = this.#response.sink;
  }

  /** Follows the streams. */
  start(): void {
    const { opened, opening, encoder, onDemand, gapNotice, statusNotice } = this.#options;
    const { streams, access } = this.#parts;
    const { sink, session } = this.#response;
    sink.write(opening);
    const playback = this.#openPlayback();
    this.#subscription = streams.subscribe({
      streams: opened.streams,
      encoder,
      sink: {
        write: (frame) => this.#writeFrame(frame),
        isEmpty: () => sink.isEmpty?.() === true,
        isFull: () => sink.isFull(),
        whenDrained: (callback) => sink.whenDrained(callback),
      },
      memory: access.memory.answer("answer", session.visitor),
      streamMemory: new StreamMemory(access.memory.streams(session.visitor)),
      ...(onDemand && { onDemand }),
      ...(playback && { playback }),
      ...(gapNotice && { onGap: (gap: Gap) => sink.write(gapNotice(gap)) }),
      onError: (error) => this.#endWith(error),
    });
    this.#stops.push(access.sessions.read(session, this.#subscription));
    if (opened.pattern !== undefined) this.#followPattern(opened.pattern, this.#subscription);
    if (statusNotice !== undefined) this.#reportAvailability(statusNotice);
  }

  /** Reports changes of the availability of Redis, and at once that it is unavailable now. */
  #reportAvailability(notice: (unavailableSince: Date | undefined) => Chunks): void {
    const { availability } = this.#parts.streams;
    const report = (unavailableSince: Date | undefined) =>
      this.#response.sink.write(notice(unavailableSince));
    const unavailableSince = availability.unavailableSince();
    if (unavailableSince !== undefined) report(unavailableSince);
    this.#stops.push(availability.watch(report));
  }

  /** Returns the options of a playback that reports its states; undefined for live entries. */
  #openPlayback(): PlaybackOptions | undefined {
    const { playback, stateNotice } = this.#options;
    if (playback === undefined || stateNotice === undefined) return playback;
    const states = new PlaybackStates<Chunks>(this.#response.sink, (state) => stateNotice(state));
    this.#frames = states;
    this.#stops.push(() => states.close());
    return { onState: (state) => states.report(state), ...playback };
  }

  #writeFrame(frame: Chunks): void {
    const { maxFps, heartbeat } = this.#options;
    // A frame without bytes belongs to an entry that this response cannot show.
    if (frame.bytes === 0) {
      this.#parts.observe.counters.imagesSkipped++;
      return;
    }
    if (heartbeat === "last frame") {
      this.#lastFrame = frame;
      this.#response.delayHeartbeat();
    }
    this.#frames.write(frame);
    if (!maxFps) return;
    this.#subscription?.pause("rate-limit");
    this.#rateTimer = setTimeout(() => this.#subscription?.resume("rate-limit"), 1000 / maxFps);
  }

  #followPattern(pattern: PatternStreams, subscription: Subscription): void {
    const { patternNotices } = this.#options;
    const { access, observe, config } = this.#parts;
    const { sink, session } = this.#response;
    const { visitor } = session;
    const stop = startPattern(pattern, {
      ...{ subscription, session, sessions: access.sessions },
      ...(patternNotices && {
        onJoin: (name) => sink.write(patternNotices.joined(name, sink.isFull())),
        onLeave: (name) => sink.write(patternNotices.left(name, sink.isFull())),
      }),
      onLimit(name) {
        const at = { connection: visitor.id, identity: visitor.identity.name };
        observe.logger.warn({ ...at, stream: name, maxStreams: config.maxStreams }, TOO_MANY_STREAMS);
        if (patternNotices !== undefined) sink.write(patternNotices.limit(name));
      },
      onError: (error) => this.#endWith(error),
    });
    this.#stops.push(stop);
  }

  #endWith(error: GatewayError): void {
    this.#end(this.#options.farewell?.(error));
  }

  #end(last?: Chunks): void {
    clearTimeout(this.#rateTimer);
    for (const stop of this.#stops) stop();
    this.#subscription?.close();
    this.#response.end(last);
  }
}
