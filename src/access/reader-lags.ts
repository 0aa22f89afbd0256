/**
 * Lags of connections: how far the last entry that each reader was sent is behind the newest entry of its stream. Computed only
 * when connections are listed. A reader at the end of its streams costs nothing; of the others' streams, Redis reports the bounds.
 */

import type { WorkSlices } from "../domain/scheduling/work-slice.ts";
import type { StreamPosition } from "../domain/streams/cursor.ts";
import { type EntryId, laterId, timeOfId } from "../domain/streams/entry-id.ts";
import { readersOf, type Session } from "./sessions.ts";

/** Ids of the first and the last entry of a stream. */
export interface Bounds {
  readonly first: EntryId;
  readonly last: EntryId;
}

/** Reads the bounds of streams, by key. Those of an empty stream are missing. @returns undefined if Redis does not reply */
export type ReadBounds = (keys: readonly string[]) => Promise<ReadonlyMap<string, Bounds> | undefined>;

type ReadingSession = Pick<Session, "readers">;

/**
 * Returns the lag of each session in ms; undefined without a live reader, and if it is unknown.
 *
 * @param slices thousands of connections may have thousands of streams each
 */
export async function lagsOf(
  sessions: readonly ReadingSession[],
  readBounds: ReadBounds,
  slices: WorkSlices,
): Promise<readonly (number | undefined)[]> {
  const keys = await slices.run(keysBehind(sessions));
  const bounds = keys.size > 0 ? await readBounds([...keys]) : new Map<string, Bounds>();
  return slices.run(lagsWith(sessions, bounds));
}

/** Returns the keys of the streams of which readers may be behind. */
function* keysBehind(sessions: readonly ReadingSession[]): Generator<void, ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const session of sessions) {
    for (const { key } of positionsOf(session) ?? []) keys.add(key);
    yield;
  }
  return keys;
}

function* lagsWith(
  sessions: readonly ReadingSession[],
  bounds: ReadonlyMap<string, Bounds> | undefined,
): Generator<void, readonly (number | undefined)[]> {
  const lags: (number | undefined)[] = [];
  for (const session of sessions) {
    const positions = positionsOf(session);
    const isKnown = bounds !== undefined || positions?.length === 0;
    lags.push(
      isKnown
        ? positions?.reduce((most, { key, cursor }) => Math.max(most, lagAt(cursor, bounds?.get(key))), 0)
        : undefined,
    );
    yield;
  }
  return lags;
}

/** Returns the streams of which readers may be behind; undefined if no reader is live. */
function positionsOf(session: ReadingSession): readonly StreamPosition[] | undefined {
  const live = readersOf(session)
    .map((reader) => reader.behind())
    .filter((positions) => positions !== undefined);
  return live.length === 0 ? undefined : live.flat();
}

/** A cursor before the first entry, such as a time, lacks only the entries that exist. */
function lagAt(cursor: EntryId, bounds: Bounds | undefined): number {
  if (bounds === undefined) return 0;
  return Math.max(0, timeOfId(bounds.last) - timeOfId(laterId(cursor, bounds.first)));
}
