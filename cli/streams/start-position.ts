/** Start position of a pull: the cursor that its flags select. */
import type { Streamer } from "../../client/index.ts";
import { compareIds, type EntryId, idAtTime, idBefore, parseId } from "../../src/domain/streams/entry-id.ts";
import { usageError } from "../exit-codes.ts";
import { namesToRead, type PulledStreams, rangeOf } from "./pulled-streams.ts";

/** Flags that select the start position. */
export interface StartFlags {
  readonly from?: string;
  /** ms */
  readonly since?: number;
  /** Number of the newest entries. */
  readonly last?: number;
}

/** Returns the cursor after which entries are read; undefined if the flags select none. @throws CommandError, StreamerError */
export async function startCursor(
  streamer: Streamer,
  names: readonly string[],
  { from, since, last }: StartFlags,
  naming: PulledStreams,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ([from, since, last].filter((one) => one !== undefined).length > 1)
    throw usageError("--from, --since and --last cannot be used together");
  if (since !== undefined) return cursorBefore(Date.now() - since);
  if (last !== undefined) return cursorOfLast(streamer, names, last, naming, signal);
  return from === undefined ? undefined : cursorOf(from);
}

/** Parses `--from`: an id, ms, 0, $ or an ISO 8601 time, which is included. @throws CommandError */
function cursorOf(from: string): string {
  if (from === "$" || from === "-") return from;
  const time = /^\d{4}-\d\d-\d\d/.test(from) ? Date.parse(from) : Number.NaN;
  if (time >= 0) return cursorBefore(time);
  if (parseId(from) !== undefined) return from;
  throw usageError(`--from must be an entry id, Unix ms, an ISO 8601 time, 0 or $, got "${from}"`);
}

const cursorBefore = (ms: number): string => idBefore(idAtTime(Math.max(0, Math.floor(ms)))) ?? "0";

/** Returns the cursor before the newest entries of all streams together. */
async function cursorOfLast(
  streamer: Streamer,
  names: readonly string[],
  last: number,
  pulled: PulledStreams,
  signal: AbortSignal,
): Promise<string> {
  const ids = new Map<string, EntryId>();
  for (const name of namesToRead(names, pulled)) {
    const pageCount = Math.min(last, 1_000);
    const range = { ...rangeOf(name, pulled), reverse: true, count: last, pageCount, signal };
    for await (const { stream, id } of streamer.entries(name, range))
      ids.set(JSON.stringify([stream, id]), id as EntryId);
  }
  const newest = [...ids.values()].sort((a, b) => compareIds(b, a)).slice(0, last);
  const oldest = newest.at(-1);
  return oldest === undefined ? "0" : (idBefore(oldest) ?? "0");
}
