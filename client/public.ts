/** Exports of the client besides `connect`, the same on every platform. */

export type { Declaration, Schema, Units } from "../src/domain/content/declaration.ts";
export type { Backoff } from "../src/domain/scheduling/backoff.ts";
export type { EntryFields, FieldValue } from "../src/domain/streams/entry.ts";
export type {
  Catalog,
  DeviceInfo,
  ListOptions,
  NameOptions,
  ServerInfo,
  SetMetaOptions,
  StreamInfo,
  StreamsOptions,
} from "./catalog.ts";
export type { PulledEntry } from "./entry.ts";
export { type ClientErrorCode, StreamerError, type StreamerErrorCode } from "./errors.ts";
export { fieldsText } from "./fields.ts";
export type { RangeOptions } from "./history.ts";
export type { StreamEntry } from "./msgpack.ts";
export type { PullOptions } from "./pull.ts";
export type { BatchEntry, Push, PushOptions, SendOptions } from "./push-options.ts";
export type { Status } from "./reconnect.ts";
export type { ConnectOptions, Streamer } from "./streamer.ts";
export type { Token } from "./token.ts";
export type { DeviceEvent, EventsOptions, Watch } from "./watch.ts";
