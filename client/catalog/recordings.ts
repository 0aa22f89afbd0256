/** Recordings of the gateway: MCAP files that outlive the streams (docs/recordings.md). */
import { badMessage } from "../errors.ts";
import { pathSegment } from "../gateway/address.ts";
import type { CommonOptions, Gateway } from "../gateway/gateway.ts";
import { isObject } from "../gateway/graphql.ts";
import { checkOptions, type OptionNames } from "../gateway/options.ts";
import { request } from "../gateway/request.ts";
import type { ListOptions } from "./catalog.ts";

/** Options of a recording. */
export interface RecordOptions extends Pick<CommonOptions, "device" | "prefix" | "signal"> {
  /** Name of the recording and of its files. @default the device and the time */
  readonly name?: string | undefined;
  /** Names and patterns of streams that are not recorded. */
  readonly exclude?: readonly string[] | undefined;
  /** Cursor to start at, such as `0` for everything that is stored. @default "$" // now */
  readonly from?: string | undefined;
  /** Size of the files at which it stops. @default no limit */
  readonly maxBytes?: number | undefined;
  /** Time in seconds after which it stops. @default no limit */
  readonly maxSeconds?: number | undefined;
  /** Compression of the file. @default "zstd" */
  readonly compression?: "zstd" | "none" | undefined;
  /** Texts about the recording, which its files have as a metadata record. */
  readonly notes?: Readonly<Record<string, string>> | undefined;
}

/** One file of a recording. */
export interface RecordingFile {
  readonly file: string;
  /** `interrupted`: its gateway was killed, and the next one completed it. */
  readonly state: "recording" | "finished" | "interrupted" | "damaged";
  readonly bytes: number;
  readonly entries: number;
  /** Number of ranges of ids in which entries may be missing. */
  readonly gaps: number;
  /** Times of the first and the last entry, ISO 8601; null without entries. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Options of a playback of a recording. */
export interface PlayRecordingOptions extends Pick<CommonOptions, "signal"> {
  /** Speed, 0.1 to 100; 0 is as fast as possible. @default 1 */
  readonly rate?: number | undefined;
  /** Device to store the streams under; empty for their own. @default "{name}-replay" */
  readonly device?: string | undefined;
  /** Names and patterns of the streams to play; with a colon, `device:stream`. @default all */
  readonly streams?: string | readonly string[] | undefined;
  /** Names and patterns of streams that are not played. */
  readonly exclude?: readonly string[] | undefined;
  /** First and last time to play, included: an entry id, milliseconds or an ISO 8601 time. @default the whole recording */
  readonly from?: string | number | undefined;
  readonly to?: string | number | undefined;
  /** Whether it begins again at the end. @default false */
  readonly loop?: boolean | undefined;
  /** Key under which each entry is stored once, so that an interrupted playback can be repeated. */
  readonly dedupe?: string | undefined;
}

/** A playback of a recording: the gateway stores its entries again. */
export interface RecordingPlayback {
  /** `interrupted`: its gateway ended. */
  readonly state: "playing" | "paused" | "finished" | "stopped" | "failed" | "interrupted";
  /** Reason of a failure or an interruption; while it is playing, of a wait. */
  readonly error: string | null;
  readonly started: string;
  readonly ended: string | null;
  readonly rate: number;
  readonly loop: boolean;
  /** Range and position, as times of the recording. */
  readonly from: string | null;
  readonly to: string | null;
  readonly position: string | null;
  /** Keys of the streams that the entries are stored in, by recorded key. */
  readonly streams: Readonly<Record<string, string>>;
  /** Entries that are stored, and the size of their payloads. */
  readonly stored: number;
  readonly bytes: number;
  /** Entries that were due when it ended, and are not known to be stored. */
  readonly notStored: number;
  /** Completed passes, more than one with `loop`. */
  readonly passes: number;
  readonly dedupe: string | null;
}

/** Recording as the gateway reports it: its state, streams, files and gaps. */
export interface RecordingInfo extends Omit<RecordingFile, "file" | "state"> {
  readonly name: string;
  readonly state: "recording" | "stopped" | "failed";
  /** Why it stopped. */
  readonly reason: "request" | "maxBytes" | "maxSeconds" | null;
  /** Reason of the failure; while it is recording, the reason for which it waits. */
  readonly error: string | null;
  /** It reads stored entries slowly, because the gateway serves clients. */
  readonly slowed: boolean;
  readonly started: string;
  readonly ended: string | null;
  /** Keys of the streams that are recorded. A list of recordings has the first ones, up to 16 KiB. */
  readonly streams: readonly string[];
  /** Number of the streams that are recorded. */
  readonly streamsTotal: number;
  /** Newest ranges of ids in which entries may be missing. The files have all. */
  readonly newestGaps: readonly {
    readonly stream: string;
    readonly after: string;
    readonly before: string;
  }[];
  readonly files: readonly RecordingFile[];
  /** The present playback, or the last one. */
  readonly playback: RecordingPlayback | null;
}

/** Recordings of a gateway. All methods throw StreamerError, or the signal's reason. */
export interface Recordings {
  /** Records streams into a file of the gateway. @param streams names and patterns */
  record(streams: string | readonly string[], options?: RecordOptions): Promise<RecordingInfo>;
  /** Lists the recordings that the client may read. */
  recordings(options?: ListOptions): Promise<readonly RecordingInfo[]>;
  /** Returns a recording. */
  recording(name: string, options?: ListOptions): Promise<RecordingInfo>;
  /** Stops a recording, and returns it when its file is complete. */
  stopRecording(name: string, options?: ListOptions): Promise<RecordingInfo>;
  /** Stores the entries of a recording again, at their pace. The recording that it returns has the playback. */
  playRecording(name: string, options?: PlayRecordingOptions): Promise<RecordingInfo>;
  /** Pauses the playback of a recording. */
  pausePlayback(name: string, options?: ListOptions): Promise<RecordingInfo>;
  /** Continues the playback of a recording. */
  continuePlayback(name: string, options?: ListOptions): Promise<RecordingInfo>;
  /** Stops the playback of a recording, and returns the recording when it is over. */
  stopPlayback(name: string, options?: ListOptions): Promise<RecordingInfo>;
  /** Deletes a recording with its files. */
  deleteRecording(name: string, options?: ListOptions): Promise<void>;
}

const RECORD_OPTIONS: OptionNames<RecordOptions> = {
  ...{ device: true, prefix: true, signal: true, name: true, exclude: true, from: true },
  ...{ maxBytes: true, maxSeconds: true, compression: true, notes: true },
};

/** Returns a request with options as its body. */
const bodyOf = ({ signal, streams, ...members }: PlayRecordingOptions) => ({
  signal,
  json: { ...members, streams: typeof streams === "string" ? [streams] : streams },
});

/** Creates the methods. */
export function createRecordings(gateway: Gateway): Recordings {
  const url = (...path: readonly string[]) =>
    gateway.address.http(
      ["recordings", ...path.map((name) => pathSegment([name], "recording"))].join("/"),
      {},
    );
  const parse = (body: Uint8Array): unknown => {
    try {
      return JSON.parse(new TextDecoder().decode(body));
    } catch (error) {
      throw badMessage("a response that is not JSON", error);
    }
  };
  const one = (value: unknown): RecordingInfo => {
    if (isObject(value) && Array.isArray(value.files)) return value as unknown as RecordingInfo;
    throw badMessage("a response that is not a recording");
  };
  /** Sends a request whose response is a recording. */
  const send = async (path: readonly string[], options: Parameters<typeof request>[2]) =>
    one(parse((await request(gateway, url(...path), options)).body));
  const act =
    (...path: readonly string[]) =>
    (name: string, { signal }: ListOptions = {}) =>
      send([name, ...path], { method: "POST", signal });
  return {
    async record(streams, options = {}) {
      checkOptions(options, RECORD_OPTIONS);
      return send([], bodyOf({ streams, ...options }));
    },
    async recordings({ signal } = {}) {
      const list = parse((await request(gateway, url(), { signal })).body);
      if (!Array.isArray(list)) throw badMessage("a response that is not a list of recordings");
      return list.map(one);
    },
    recording: (name, { signal } = {}) => send([name], { signal }),
    stopRecording: act("stop"),
    // The gateway rejects members that it does not know.
    playRecording: (name, options = {}) => send([name, "play"], bodyOf(options)),
    pausePlayback: act("play", "pause"),
    continuePlayback: act("play", "continue"),
    stopPlayback: act("play", "stop"),
    async deleteRecording(name, { signal } = {}) {
      await request(gateway, url(name), { method: "DELETE", signal });
    },
  };
}
