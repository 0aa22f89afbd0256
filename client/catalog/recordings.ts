/** Recordings of the gateway: MCAP files that outlive the streams (docs/recordings.md). */
import { badMessage } from "../errors.ts";
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

/** A recording. */
export interface RecordingInfo extends Omit<RecordingFile, "file" | "state"> {
  readonly name: string;
  readonly state: "recording" | "stopped" | "failed";
  /** Why it stopped. */
  readonly reason: "request" | "maxBytes" | "maxSeconds" | null;
  /** Why it failed; while it is recording, what it waits for. */
  readonly error: string | null;
  readonly started: string;
  readonly ended: string | null;
  /** Keys of the streams that are recorded. */
  readonly streams: readonly string[];
  /** The newest gaps. The files have all. */
  readonly newestGaps: readonly {
    readonly stream: string;
    readonly after: string;
    readonly before: string;
  }[];
  readonly files: readonly RecordingFile[];
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
  /** Deletes a recording with its files. */
  deleteRecording(name: string, options?: ListOptions): Promise<void>;
}

const RECORD_OPTIONS: OptionNames<RecordOptions> = {
  ...{ device: true, prefix: true, signal: true, name: true, exclude: true, from: true },
  ...{ maxBytes: true, maxSeconds: true, compression: true, notes: true },
};

/** Creates the methods. */
export function createRecordings(gateway: Gateway): Recordings {
  const url = (...path: readonly string[]) =>
    gateway.address.http(["recordings", ...path.map(encodeURIComponent)].join("/"), {});
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
  return {
    async record(streams, options = {}) {
      checkOptions(options, RECORD_OPTIONS);
      const { signal, ...members } = options;
      const json = { streams: typeof streams === "string" ? [streams] : streams, ...members };
      return one(parse((await request(gateway, url(), { json, signal })).body));
    },
    async recordings({ signal } = {}) {
      const list = parse((await request(gateway, url(), { signal })).body);
      if (!Array.isArray(list)) throw badMessage("a response that is not a list of recordings");
      return list.map(one);
    },
    async recording(name, { signal } = {}) {
      return one(parse((await request(gateway, url(name), { signal })).body));
    },
    async stopRecording(name, { signal } = {}) {
      const { body } = await request(gateway, url(name, "stop"), { method: "POST", signal });
      return one(parse(body));
    },
    async deleteRecording(name, { signal } = {}) {
      await request(gateway, url(name), { method: "DELETE", signal });
    },
  };
}
