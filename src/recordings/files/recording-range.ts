/** Channels of a recording, and the part of it that is read. */
import { NS_PER_MS } from "../../wire/foxglove/log-time.ts";
import type { RecordedStream } from "../../wire/mcap/recorded-channel.ts";

/** A channel with entries. */
export interface RecordingChannel {
  readonly topic: string;
  readonly stream: RecordedStream;
  /** Encoding of its messages, and the name of their schema. */
  readonly encoding: string;
  readonly schema: string | undefined;
  readonly entries: number;
}

/** Part of a recording. */
export interface RecordingRange {
  /** Times in ms since 1970, both included. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Whether the entries of a channel are read. @default all */
  readonly selects?: ((channel: RecordingChannel) => boolean) | undefined;
}

/** Returns the log times of the first and the last ns of a range; undefined without a limit. */
export function nanosecondsOf({ fromMs, toMs }: RecordingRange): {
  readonly first: bigint | undefined;
  readonly last: bigint | undefined;
} {
  return {
    first: fromMs === undefined ? undefined : BigInt(Math.floor(fromMs)) * NS_PER_MS,
    last: toMs === undefined ? undefined : (BigInt(Math.floor(toMs)) + 1n) * NS_PER_MS - 1n,
  };
}
