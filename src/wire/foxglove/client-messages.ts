/**
 * Messages of clients in the Foxglove WebSocket protocol. Integers are little-endian.
 *
 *     {"op": "subscribe", "subscriptions": [{"id", "channelId"}]}     {"op": "unsubscribe", "subscriptionIds"}
 *     {"op": "advertise", "channels": [{"id", "topic", "encoding", "schemaName"}]}   {"op": "unadvertise", "channelIds"}
 *
 *     message data       01 · u32 channel · payload
 *     playback control   03 · u8 command (0 play, 1 pause) · f32 speed · u8 had_seek · u64 seek time (ns) · u32 length · request id
 */

import { GatewayError } from "../../domain/errors.ts";
import { isObject } from "../../domain/is-object.ts";
import { shown } from "../../domain/shown.ts";
import { checkJsonBounds } from "../json/json-text.ts";
import { textOf } from "../utf8.ts";

const MESSAGE_DATA = 0x01;
const PLAYBACK_CONTROL = 0x03;

/** Bytes of a playback control before its request id. */
const CONTROL_BYTES = 19;
/** Maximum length of a request id, in bytes. */
const MAX_REQUEST_ID_BYTES = 256;
const MAX_U32 = 2 ** 32 - 1;

/** A channel that the client sends messages on. */
export interface ClientChannel {
  readonly id: number;
  readonly topic: string;
  readonly encoding: string;
}

/** A subscription to a channel of the gateway. */
export interface RequestedSubscription {
  readonly id: number;
  readonly channelId: number;
}

/** A command to a playback. */
export interface PlaybackControl {
  readonly command: "play" | "pause";
  readonly speed: number;
  /** Time to seek to, in ns since 1970; undefined to continue at the current time. */
  readonly seekTime: bigint | undefined;
  readonly requestId: string;
}

/** Parsed message of a viewer. */
export type ClientMessage =
  | { readonly op: "subscribe"; readonly subscriptions: readonly RequestedSubscription[] }
  | { readonly op: "unsubscribe"; readonly subscriptionIds: readonly number[] }
  | { readonly op: "advertise"; readonly channels: readonly ClientChannel[] }
  | { readonly op: "unadvertise"; readonly channelIds: readonly number[] }
  | { readonly op: "message"; readonly channelId: number; readonly payload: Uint8Array }
  | { readonly op: "control"; readonly control: PlaybackControl };

const malformed = (problem: string): GatewayError => new GatewayError("BAD_PAYLOAD", problem);

/** Parses a text message. @throws GatewayError BAD_PAYLOAD */
export function readTextMessage(text: string): ClientMessage {
  const message = parseObject(text);
  const { op } = message;
  switch (op) {
    case "subscribe":
      return { op, subscriptions: listIn(message, "subscriptions", readSubscription) };
    case "unsubscribe":
      return { op, subscriptionIds: listIn(message, "subscriptionIds", readId) };
    case "advertise":
      return { op, channels: listIn(message, "channels", readChannel) };
    case "unadvertise":
      return { op, channelIds: listIn(message, "channelIds", readId) };
    default:
      throw malformed(`op must be subscribe, unsubscribe, advertise or unadvertise, got ${shown(op)}`);
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  checkJsonBounds(text, "the message");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below.
  }
  if (isObject(value)) return value;
  throw malformed(`a text message must be a JSON object, got ${shown(text)}`);
}

function listIn<T>(
  message: Readonly<Record<string, unknown>>,
  name: string,
  read: (item: unknown, what: string) => T,
): readonly T[] {
  const list = message[name];
  if (!Array.isArray(list)) throw malformed(`${name} must be a list, got ${shown(list)}`);
  return list.map((item) => read(item, name));
}

function readId(item: unknown, what: string): number {
  if (typeof item === "number" && Number.isInteger(item) && item >= 0 && item <= MAX_U32) return item;
  throw malformed(`an id in ${what} must be an integer between 0 and ${MAX_U32}, got ${shown(item)}`);
}

function readSubscription(item: unknown, what: string): RequestedSubscription {
  if (!isObject(item))
    throw malformed(`an item of ${what} must have an id and a channelId, got ${shown(item)}`);
  return { id: readId(item.id, what), channelId: readId(item.channelId, what) };
}

function readChannel(item: unknown, what: string): ClientChannel {
  const { id, topic, encoding } = isObject(item) ? item : {};
  if (typeof topic !== "string" || typeof encoding !== "string")
    throw malformed(`an item of ${what} must have a topic and an encoding, both strings, got ${shown(item)}`);
  return { id: readId(id, what), topic, encoding };
}

/** Parses a binary message. @throws GatewayError BAD_PAYLOAD */
export function readBinaryMessage(message: Uint8Array): ClientMessage {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const [opcode] = message;
  if (opcode === MESSAGE_DATA) {
    if (message.length < 5) throw malformed(`message data must have at least 5 bytes, got ${message.length}`);
    return { op: "message", channelId: view.getUint32(1, true), payload: message.subarray(5) };
  }
  if (opcode === PLAYBACK_CONTROL) return { op: "control", control: readControl(message, view) };
  throw malformed(`a binary message must begin with 01 or 03, got ${opcode ?? "no bytes"}`);
}

function readControl(message: Uint8Array, view: DataView): PlaybackControl {
  if (message.length < CONTROL_BYTES)
    throw malformed(`playback control must have at least ${CONTROL_BYTES} bytes, got ${message.length}`);
  const command = view.getUint8(1);
  if (command > 1) throw malformed(`command must be 0 (play) or 1 (pause), got ${command}`);
  const speed = view.getFloat32(2, true);
  if (!Number.isFinite(speed)) throw malformed(`speed must be a number, got ${speed}`);
  const requestBytes = view.getUint32(15, true);
  if (requestBytes > MAX_REQUEST_ID_BYTES || requestBytes !== message.length - CONTROL_BYTES)
    throw malformed(
      `the request id must have at most ${MAX_REQUEST_ID_BYTES} bytes and end the message, got a length of ${requestBytes}`,
    );
  const requestId = textOf(message.subarray(CONTROL_BYTES));
  if (requestId === undefined) throw malformed("the request id must be UTF-8");
  return {
    command: command === 0 ? "play" : "pause",
    speed,
    seekTime: view.getUint8(6) === 0 ? undefined : view.getBigUint64(7, true),
    requestId,
  };
}
