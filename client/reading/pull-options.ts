/** Options of a pull. */
import type { CommonOptions } from "../gateway/gateway.ts";
import type { OptionNames } from "../gateway/options.ts";
import type { PatternHandlers } from "./pattern-position.ts";

/** Options of a pull. */
export interface PullOptions extends CommonOptions, PatternHandlers {
  /**
   * Start position, exclusive: an entry id, Unix ms, `0` for the beginning, `$` for new entries only. For several
   * streams: one for all, one per stream joined by `+`, or an object by stream name. @default "$"
   */
  readonly from?: string | Readonly<Record<string, string>> | undefined;
  /** Whether `*` in a stream name or in the device makes a pattern; if false, it is a literal character. @default true */
  readonly pattern?: boolean | undefined;
  /** Names and patterns of streams to exclude. */
  readonly exclude?: string | readonly string[] | undefined;
  /** Called when a stream of the pattern appears, before the loop receives its first entry. */
  readonly onJoined?: ((stream: string) => void) | undefined;
  /** Called when a stream of the pattern was deleted, or may no longer be read. */
  readonly onLeft?: ((stream: string) => void) | undefined;
  /** Whether to deliver only the newest entry each time the loop requests one, and skip older ones. @default false */
  readonly latest?: boolean | undefined;
  /** Maximum number of entries per stream in one message; with `latest`, the number of newest entries. It does not end the loop. */
  readonly count?: number | undefined;
  /** Maximum number of messages per second; 0 disables the limit. @default 0 */
  readonly maxFps?: number | undefined;
  /** Bytes buffered for the loop before backpressure starts. @default 1_048_576 // 1 MiB */
  readonly highWaterBytes?: number | undefined;
}

/** Names of the options, to check those that a caller passes. */
export const PULL_OPTIONS: OptionNames<PullOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ from: true, latest: true, count: true, maxFps: true, highWaterBytes: true },
  ...{ pattern: true, exclude: true, onJoined: true, onLeft: true },
};
