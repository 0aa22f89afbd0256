/** Long-lived responses that deliver entries as they arrive: the common part of SSE and MJPEG. */
import type { FastifyReply } from "fastify";
import type { SessionKind } from "../../../../access/sessions.ts";
import { asGatewayError, type GatewayError } from "../../../../domain/errors.ts";
import type { Gap } from "../../../../domain/streams/entry.ts";
import type { Encoder, Sink } from "../../../../live/sink.ts";
import type { SubscriptionOptions } from "../../../../live/subscription.ts";
import type { TransportParts } from "../../../parts.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../../request/follow-pattern.ts";
import { namedKeysOf, type OpenStreams } from "../../../request/pattern-streams.ts";
import type { Chunks } from "../../../response/chunks.ts";
import { createClientSink } from "../../../response/client-sink.ts";
import { whenGone } from "../../../response/closing.ts";

/** Content and format of a live response. */
export interface LiveResponseOptions {
  readonly kind: SessionKind;
  readonly contentType: string;
  /** Closed when the response ends, and if it cannot begin. */
  readonly opened: OpenStreams;
  readonly encoder: Encoder<Chunks>;
  readonly onDemand?: NonNullable<SubscriptionOptions<Chunks>["onDemand"]>;
  /** Sent first. */
  readonly opening: Chunks;
  /** Sent every `HEARTBEAT_MS`: these bytes, or the last frame again if no frame was sent in that time. */
  readonly heartbeat: Chunks | "last frame";
  /** Formats an error that occurs after the status line was sent. */
  readonly farewell?: (error: GatewayError) => Chunks;
  readonly maxFps?: number;
  /** Formats a gap: entries may be missing. */
  readonly gapNotice?: (gap: Gap) => Chunks;
  /** Format the changes of the streams of a pattern. */
  readonly patternNotices?: {
    joined(stream: string): Chunks;
    left(stream: string): Chunks;
    limit(stream: string): Chunks;
  };
  /** Formats a change of the availability of Redis. */
  readonly statusNotice?: (unavailableSince: Date | undefined) => Chunks;
}

/** Returns a text as bytes. */
export function textChunks(text: string): Chunks {
  const bytes = Buffer.from(text);
  return { parts: [bytes], bytes: bytes.length };
}

/** Sends a response that follows streams until the client disconnects or the gateway stops. */
export function sendLive(reply: FastifyReply, options: LiveResponseOptions, parts: TransportParts): void {
  const { streams, access, observe, config } = parts;
  const { sessions, memory } = access;
  const { visitor } = reply.request;
  const { raw } = reply;
  const { gapNotice } = options;
  const { opened, patternNotices } = options;
  try {
    access.limits.checkConnection(visitor);
  } catch (error) {
    opened.pattern?.close();
    throw error;
  }
  const session = sessions.open(visitor, options.kind, endWith);
  sessions.use(session, "read", namedKeysOf(opened));
  reply.hijack();
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": options.contentType,
    "cache-control": "no-store",
    // Otherwise proxies such as nginx buffer the response.
    "x-accel-buffering": "no",
  });
  const sink = createClientSink(raw, visitor, parts);
  const intervalMs = options.maxFps ? 1000 / options.maxFps : 0;
  let rateTimer: NodeJS.Timeout | undefined;
  let lastFrame: Chunks | undefined;
  const repeats = options.heartbeat === "last frame";
  // A frame without bytes belongs to an entry that this response cannot show.
  const frames: Sink<Chunks> = {
    ...sink,
    write(frame) {
      if (frame.bytes === 0) {
        observe.counters.imagesSkipped++;
        return;
      }
      if (repeats) {
        lastFrame = frame;
        heartbeatTimer.refresh();
      }
      sink.write(frame);
      if (intervalMs === 0) return;
      subscription.pause("rate-limit");
      rateTimer = setTimeout(() => subscription.resume("rate-limit"), intervalMs);
    },
  };
  sink.write(options.opening);
  const subscription = streams.subscribe({
    streams: opened.streams,
    encoder: options.encoder,
    sink: frames,
    memory: memory.answer("answer", visitor),
    ...(options.onDemand && { onDemand: options.onDemand }),
    ...(gapNotice && { onGap: (gap: Gap) => sink.write(gapNotice(gap)) }),
    onError: (error) => endWith(asGatewayError(error)),
  });
  const heartbeatTimer = setInterval(sendHeartbeat, config.heartbeatMs);

  function sendHeartbeat(): void {
    const due = options.heartbeat === "last frame" ? lastFrame : options.heartbeat;
    if (due !== undefined && !sink.isFull()) sink.write(due);
  }

  const stopPattern =
    opened.pattern &&
    startPattern(opened.pattern, {
      subscription,
      session,
      sessions,
      ...(patternNotices && {
        onJoin: (name) => sink.write(patternNotices.joined(name)),
        onLeave: (name) => sink.write(patternNotices.left(name)),
      }),
      onLimit(name) {
        const at = { connection: visitor.id, identity: visitor.identity.name };
        observe.logger.warn({ ...at, stream: name, maxStreams: config.maxStreams }, TOO_MANY_STREAMS);
        if (patternNotices !== undefined) sink.write(patternNotices.limit(name));
      },
    });

  const { statusNotice } = options;
  const stopStatus = statusNotice && streams.availability.watch((since) => sink.write(statusNotice(since)));

  function endWith(error: GatewayError): void {
    if (options.farewell) sink.write(options.farewell(error));
    end();
  }

  function end(): void {
    sessions.forget(session);
    clearInterval(heartbeatTimer);
    stopStatus?.();
    stopPattern?.();
    clearTimeout(rateTimer);
    release();
    subscription.close();
    sink.flush();
    raw.end();
  }
  const release = whenGone(reply, access.closing, end);
}
