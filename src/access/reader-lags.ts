/**
 * Lags of connections: how far the last entry that each reader was sent is behind the newest entry of its stream. Computed only
 * when connections are listed. A reader at the end of its streams costs nothing; of the others' streams, Redis reports the bounds.
 */
import type { StreamPosition } from "../domain/streams/cursor.ts";
import { type EntryId, FIRST_ID, timeOfId } from "../domain/streams/entry-id.ts";
import type { Session } from "./sessions.ts";

/** Ids of the first and the last entry of a stream. */
export interface Bounds {
  readonly first: EntryId;
  readonly last: EntryId;
}

/** Reads the bounds of streams, by key. Those of an empty stream are missing. @returns undefined if Redis does not reply */
export type ReadBounds = (keys: readonly string[]) => Promise<ReadonlyMap<string, Bounds> | undefined>;

/** Returns the lag of each session in ms; undefined without a live reader, and if it is unknown. */
export async function lagsOf(
  sessions: readonly Pick<Session, "readers">[],
  readBounds: ReadBounds,
): Promise<readonly (number | undefined)[]> {
  const behind = sessions.map(({ readers }) => positionsOf(readers));
  const keys = new Set(behind.flatMap((positions) => positions ?? []).map(({ key }) => key));
  const bounds = keys.size > 0 ? await readBounds([...keys]) : new Map<string, Bounds>();
  return behind.map((positions) => {
    if (positions === undefined || positions.length === 0) return positions && 0;
    if (bounds === undefined) return undefined;
    return positions.reduce((most, { key, cursor }) => Math.max(most, lagAt(cursor, bounds.get(key))), 0);
  });
}

/** Returns the streams of which readers may be behind; undefined if no reader is live. */
function positionsOf(readers: Session["readers"]): readonly StreamPosition[] | undefined {
  const live = readers.map((reader) => reader.behind()).filter((positions) => positions !== undefined);
  return live.length === 0 ? undefined : live.flat();
}

/** Without a sent entry, the lag is the age of the whole stream. */
function lagAt(cursor: EntryId, bounds: Bounds | undefined): number {
  if (bounds === undefined) return 0;
  const sent = cursor === FIRST_ID ? bounds.first : cursor;
  return Math.max(0, timeOfId(bounds.last) - timeOfId(sent));
}
