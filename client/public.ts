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
} from "./catalog/catalog.ts";
export type {
  PlayRecordingOptions,
  RecordingFile,
  RecordingInfo,
  RecordingPlayback,
  Recordings,
  RecordOptions,
} from "./catalog/recordings.ts";
export type { DeviceEvent, EventsOptions, Watch } from "./catalog/watch.ts";
export { type ClientErrorCode, StreamerError, type StreamerErrorCode } from "./errors.ts";
export type { Status } from "./gateway/gateway.ts";
export type { Token } from "./gateway/token.ts";
export type { BatchEntry, Push, PushOptions, SendOptions } from "./pushing/push-options.ts";
export type { PulledEntry } from "./reading/entry.ts";
export { fieldsText } from "./reading/fields.ts";
export type { RangeOptions } from "./reading/history.ts";
export type { StreamEntry } from "./reading/msgpack.ts";
export type { Playback, PlayOptions } from "./reading/playback.ts";
export type { PlaybackSignal, PlaybackState, PlaybackTime } from "./reading/playback-session.ts";
export type { PullOptions } from "./reading/pull-options.ts";
export type { ConnectOptions, Streamer } from "./streamer.ts";
export type { Job, RunOptions, Work, WorkOptions } from "./working/work-options.ts";
