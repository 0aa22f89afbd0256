/** Parameters of a playback, and the cursors from which its streams are read. */

import { badParameter } from "../../domain/errors.ts";
import { parseRange, type RequestedCursor } from "../../domain/streams/cursor.ts";
import { compareIds, type EntryId, FIRST_ID, idBefore } from "../../domain/streams/entry-id.ts";
import type { PlaybackOptions } from "../../live/playback/options.ts";
import type { SubscribedStream } from "../../live/stream-state.ts";
import type { ParametersOf } from "./parameters/parameters.ts";
import type { WantedStream } from "./streams.ts";

/** Parameters of a playback that a request contains. */
export type RequestedPlayback = Pick<PlaybackOptions, "start" | "end" | "rate" | "loop">;

/** Minimum rate besides 0. */
export const MIN_RATE = 0.1;
/** Greatest rate. */
export const MAX_RATE = 100;

/** Whether a playback may have a rate. */
export const isRate = (rate: number): boolean => rate === 0 || (rate >= MIN_RATE && rate <= MAX_RATE);

/** Returns the requested playback; undefined for live entries. @throws GatewayError BAD_PARAMETER */
export function readPlayback(
  parameters: Pick<ParametersOf<"pull">, "start" | "end" | "rate" | "loop">,
): RequestedPlayback | undefined {
  const { rate, loop } = parameters;
  if (rate === undefined) {
    for (const [name, isGiven] of [
      ["start", parameters.start !== "-"],
      ["end", parameters.end !== "+"],
      ["loop", loop],
    ] as const)
      if (isGiven) throw badParameter(name, "requires rate, which plays history back");
    return undefined;
  }
  if (!isRate(rate))
    throw badParameter("rate", `must be 0, or a number between ${MIN_RATE} and ${MAX_RATE}, got ${rate}`);
  return { ...parseRange(parameters.start, parameters.end), rate, loop };
}

/**
 * Returns where a stream of a playback is read from: at the start of the range, or after its cursor, so that a client resumes
 * a playback where its connection was lost.
 */
export function playedStream({ key, name, cursor }: WantedStream, start: EntryId): SubscribedStream {
  const first = idBefore(start) ?? FIRST_ID;
  return isAfter(cursor, first)
    ? { key, name, cursor, isAtEnd: false }
    : { key, name, cursor: first, madeFromTime: first, isAtEnd: false };
}

const isAfter = (cursor: RequestedCursor, first: EntryId): cursor is EntryId =>
  cursor !== "$" && compareIds(cursor, first) > 0;
