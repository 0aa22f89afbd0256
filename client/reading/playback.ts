/** Playback: a pull loop over history at its original pace, which the caller controls while it runs. */

import { finalError } from "../errors.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { checkOptions, type OptionNames } from "../gateway/options.ts";
import type { PulledEntry } from "./entry.ts";
import { hasPattern } from "./pattern-position.ts";
import {
  type PlaybackCommands,
  PlaybackSession,
  type PlaybackSignal,
  type PlaybackTime,
  timeText,
} from "./playback-session.ts";
import { pullLoop } from "./pull.ts";
import type { PullOptions } from "./pull-options.ts";

/** Options of a playback. */
export interface PlayOptions
  extends Pick<
    PullOptions,
    | "device"
    | "prefix"
    | "signal"
    | "onStatus"
    | "pattern"
    | "exclude"
    | "onJoined"
    | "onLeft"
    | "latest"
    | "count"
    | "highWaterBytes"
  > {
  /** First time; if absent, the first entry. */
  readonly start?: PlaybackTime | undefined;
  /** Last time; if absent, the end of the streams. */
  readonly end?: PlaybackTime | undefined;
  /** Multiple of the original pace, 0.1 to 100; 0 is as fast as the loop reads. @default 1 */
  readonly rate?: number | undefined;
  /** Whether to start again at the end. @default false */
  readonly loop?: boolean | undefined;
}

const PLAY_OPTIONS: OptionNames<PlayOptions> = {
  ...{ device: true, prefix: true, signal: true, onStatus: true },
  ...{ start: true, end: true, rate: true, loop: true },
  ...{ pattern: true, exclude: true, onJoined: true, onLeft: true },
  ...{ latest: true, count: true, highWaterBytes: true },
};

/** A running playback: a loop over its entries, with commands. The loop does not end at the end of the range: see `state`. */
export interface Playback extends AsyncGenerator<PulledEntry, void, undefined>, PlaybackCommands {
  /** State, as the gateway reports it. */
  readonly state: PlaybackSignal;
}

/** Creates a playback. It connects when the first entry is requested. @throws StreamerError BAD_PARAMETER */
export function play(gateway: Gateway, streams: string | readonly string[], options: PlayOptions): Playback {
  checkOptions(options, PLAY_OPTIONS);
  const { start, end, rate = 1, loop, ...rest } = options;
  if (Number.isNaN(rate)) throw finalError("BAD_PARAMETER", "rate must be a number, got NaN");
  const names = [...new Set(typeof streams === "string" ? streams.split("+") : streams)];
  const isPattern = options.pattern !== false && hasPattern(names, options.device);
  const session = new PlaybackSession(names, isPattern, rate, options);
  const entries = pullLoop(gateway, names, rest, {
    session,
    query: () => ({
      start: start === undefined ? undefined : timeText(start),
      end: end === undefined ? undefined : timeText(end),
      rate: session.rate,
      loop: loop || undefined,
      control: true,
    }),
  });
  return Object.assign(entries, {
    state: session.signal,
    pause: () => session.pause(),
    play: (newRate?: number) => session.play(newRate),
    seek: (time: PlaybackTime) => session.seek(time),
    step: (count?: number) => session.step(count),
    live: () => session.live(),
  });
}
