/** Parses the request of a pulling WebSocket. */
import type { Identity } from "../../../access/identity/authorize.ts";
import { badParameter } from "../../../domain/errors.ts";
import { CLEAN_FORMAT_NAMES } from "../../../wire/formats.ts";
import { type RequestedPlayback, readPlayback } from "../../request/playback.ts";
import { readParameters } from "../../request/query.ts";
import { type RequestedStreams, type RequestLimits, readRequestedStreams } from "../../request/streams.ts";
import type { PullEncoder, PullEncoders } from "./pull-encoder.ts";

/** Parsed request of a pulling socket. */
export interface PullRequest {
  readonly requested: RequestedStreams;
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
  /** Whether the client receives notices about the streams of a pattern. */
  readonly wantsJoins: boolean;
  /** Whether text messages that begin with `{` are control messages. */
  readonly takesControls: boolean;
  /** Undefined for live entries. */
  readonly playback: RequestedPlayback | undefined;
}

/** Reads the request. @throws GatewayError if a parameter is invalid, or the client may not read a stream */
export function readPull(
  identity: Identity,
  segment: string,
  search: string,
  limits: RequestLimits,
  encoders: PullEncoders,
): PullRequest {
  const parameters = readParameters("pull", search, limits);
  const { count, latest, offsets, ack: wantsAck } = parameters;
  const { gaps: wantsGaps, status: wantsStatus, joins: wantsJoins } = parameters;
  const requested = readRequestedStreams(identity, segment, parameters, limits);
  const playback = readPlayback(parameters);
  const format = parameters.format ?? (parameters.header ? "header" : "raw");
  const streams = requested.named.length;
  if (format === "raw" && requested.pattern !== undefined)
    throw badParameter("header", "must be 1 to pull the streams of a pattern, got 0");
  if (format === "raw" && streams > 1)
    throw badParameter("header", `must be 1 to pull several streams, got 0 with ${streams} streams`);
  const encoder = encoders({ format, offsets, count });
  if (wantsGaps && !encoder.hasNotices) throw badParameter("gaps", needsFormat);
  if (wantsStatus && !encoder.hasNotices) throw badParameter("status", needsFormat);
  if (wantsJoins && !encoder.hasNotices) throw badParameter("joins", needsFormat);
  const fps = parameters.max_fps;
  return {
    requested,
    encoder,
    wantsGaps,
    wantsStatus,
    wantsJoins,
    takesControls: parameters.control,
    playback,
    blockMs: parameters.block,
    latest,
    wantsAck,
    intervalMs: fps === 0 ? 0 : 1000 / fps,
    // Without a header, each message contains one entry, so acks and `max_fps` count entries.
    deliveryCount: format === "raw" && (wantsAck || fps > 0) ? 1 : count,
  };
}

const needsFormat = `requires ${CLEAN_FORMAT_NAMES.map((name) => `format=${name}`).join(" or ")}`;
