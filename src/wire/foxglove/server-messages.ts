/**
 * Messages of the gateway in the Foxglove WebSocket protocol. Integers are little-endian.
 *
 *     message data     01 · u32 subscription id · u64 log time (ns) · payload
 *     time             02 · u64 time (ns)
 *     playback state   05 · u8 status · u64 time (ns) · f32 speed · u8 did_seek · u32 length · request id
 *
 * @see https://github.com/foxglove/ws-protocol/blob/main/docs/spec.md
 */
import type { EntryId } from "../../domain/streams/entry-id.ts";
import { bytesOfText } from "../utf8.ts";
import { type LogTime, logTimeOf } from "./log-time.ts";

const MESSAGE_DATA = 0x01;
const TIME = 0x02;
const PLAYBACK_STATE = 0x05;

/** Subprotocols, which are identical on the wire. */
export const SUBPROTOCOLS: readonly string[] = ["foxglove.sdk.v1", "foxglove.websocket.v1"];

/** Optional feature of the protocol. */
export type Capability = "clientPublish" | "time" | "playbackControl";

/** A channel as it is advertised. */
export interface Channel {
  readonly id: number;
  readonly topic: string;
  readonly encoding: string;
  readonly schemaName: string;
  /** Text, or base64 if the schema is binary. */
  readonly schema: string;
  readonly schemaEncoding: string;
}

/** Severity of a status. */
export const STATUS_LEVELS = { info: 0, warning: 1, error: 2 } as const;

/** A text message, which is sent as JSON. */
export type ServerMessage =
  | {
      readonly op: "serverInfo";
      readonly name: string;
      readonly capabilities: readonly Capability[];
      /** Encodings in which clients may publish. */
      readonly supportedEncodings: readonly string[];
      readonly metadata: Readonly<Record<string, string>>;
      readonly sessionId: string;
      /** Range of a playback. */
      readonly dataStartTime?: TimeObject;
      readonly dataEndTime?: TimeObject;
    }
  | { readonly op: "advertise"; readonly channels: readonly Channel[] }
  | { readonly op: "unadvertise"; readonly channelIds: readonly number[] }
  | {
      readonly op: "status";
      readonly level: (typeof STATUS_LEVELS)[keyof typeof STATUS_LEVELS];
      readonly message: string;
      readonly id?: string;
    }
  | { readonly op: "removeStatus"; readonly statusIds: readonly string[] };

/** A time in a text message. */
export interface TimeObject {
  readonly sec: number;
  readonly nsec: number;
}

/** Returns a time as text messages state it. */
export const timeObject = ({ seconds, nanos }: LogTime): TimeObject => ({ sec: seconds, nsec: nanos });

/** Bytes before the payload of message data. */
const MESSAGE_HEAD_BYTES = 13;

/** Returns a function that encodes the head of message data. Each call overwrites the previous head, so copy it first. */
export function messageHeads(subscriptionId: number): (id: EntryId) => Uint8Array {
  const head = new Uint8Array(MESSAGE_HEAD_BYTES);
  head[0] = MESSAGE_DATA;
  const view = new DataView(head.buffer);
  view.setUint32(1, subscriptionId, true);
  return (id) => {
    view.setBigUint64(5, logTimeOf(id), true);
    return head;
  };
}

/** Encodes the time of the messages that follow. @param ns since 1970 */
export function encodeTime(ns: bigint): Uint8Array {
  const message = new Uint8Array(9);
  const view = new DataView(message.buffer);
  view.setUint8(0, TIME);
  view.setBigUint64(1, ns, true);
  return message;
}

/** Status of a playback, in the order of the numbers on the wire. */
export const PLAYBACK_STATUSES = ["playing", "paused", "buffering", "ended"] as const;

/** State of a playback. */
export interface PlaybackReport {
  readonly status: (typeof PLAYBACK_STATUSES)[number];
  /** ns since 1970. */
  readonly time: bigint;
  readonly speed: number;
  /** The playback moved to another time since the previous report. */
  readonly didSeek: boolean;
  /** The request that this answers; empty for none. */
  readonly requestId: string;
}

/** Encodes the state of a playback. */
export function encodePlaybackState({ status, time, speed, didSeek, requestId }: PlaybackReport): Uint8Array {
  const request = bytesOfText(requestId);
  const message = new Uint8Array(19 + request.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, PLAYBACK_STATE);
  view.setUint8(1, PLAYBACK_STATUSES.indexOf(status));
  view.setBigUint64(2, time, true);
  view.setFloat32(10, speed, true);
  view.setUint8(14, didSeek ? 1 : 0);
  view.setUint32(15, request.length, true);
  message.set(request, 19);
  return message;
}
