/**
 * Verdict on a run: a pure function of its history.
 *
 * The store's append-only file records which entries were committed, in which order. An acknowledged entry must be in it,
 * a rejected entry must not, and no entry may be in it twice. (A rejection of a repeated entry proves nothing, because an
 * earlier gateway may still store it.) A reader's connection receives the committed entries after its cursor, in order and
 * once each. Only entries that were trimmed by the end may be missing, and its last connection must reach the end. A playback
 * also sends the entries of all streams in the order of their ids.
 */
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../../src/domain/streams/entry-id.ts";
import { wrongInGaps } from "../clients/recreated-stream.ts";
import { wrongInSimilarPosts } from "../clients/similar-posts.ts";
import { wrongInWork } from "../clients/workers.ts";
import { positionAfter } from "../positions.ts";
import type { History, NamedEntry, PlaybackHistory, Push, ReaderHistory, StoredStream } from "./history.ts";

/** Returns the problems of a run; empty if there are none. */
export function judge(history: History): string[] {
  const { pushes, readers, streams, playbacks = [], gapReaders = [], deaths, besides, work } = history;
  const grounds = new Map(streams.map((stream) => [stream.stream, groundOf(stream)]));
  return [
    ...deaths,
    ...streams.flatMap((stream) => wrongInStore(stream)),
    ...wrongInPushes(pushes, grounds),
    ...(besides === undefined ? [] : wrongInGaps(besides.recreated, besides.gapReaders)),
    ...(besides === undefined ? [] : wrongInSimilarPosts(new Map(besides.similar), besides.similarPosts)),
    ...(work === undefined ? [] : wrongInWork(work, history)),
    ...playbacks.flatMap((playback) => wrongInPlayback(playback)),
    ...gapReaders.flatMap((reader) =>
      wrongInGaps(grounds.get(reader.stream)?.committed ?? [], [reader], false),
    ),
    ...readers.flatMap((reader) => {
      const ground = grounds.get(reader.stream);
      return ground === undefined
        ? [`${reader.name}: nothing is known of ${reader.stream}`]
        : wrongInReader(reader, ground);
    }),
  ];
}

/** Index of a stream, by key and by position. */
interface Ground {
  readonly committed: readonly NamedEntry[];
  /** Ids of the committed entries. */
  readonly ids: readonly EntryId[];
  readonly positionOf: ReadonlyMap<string, number>;
  /** Position of the first stored entry; all entries before it may have been trimmed. */
  readonly firstLeft: number;
}

function groundOf({ committed, left }: StoredStream): Ground {
  const first = committed.findIndex(({ id }) => id === left[0]);
  return {
    committed,
    ids: committed.map(({ id }) => idOf(id)),
    positionOf: new Map(committed.map(({ key }, position) => [key, position])),
    firstLeft: first < 0 ? committed.length : first,
  };
}

const idOf = (text: string | undefined): EntryId =>
  (text === undefined ? undefined : parseId(text)) ?? FIRST_ID;

function wrongInStore({ stream, committed, left }: StoredStream): string[] {
  const wrong: string[] = [];
  const keys = new Map<string, string | undefined>();
  committed.forEach(({ id, key }, position) => {
    const before = committed[position - 1];
    if (before !== undefined && compareIds(idOf(before.id), idOf(id)) >= 0)
      wrong.push(`${stream}: ${id} was committed after ${before.id}`);
    if (keys.has(key)) wrong.push(`${stream}: ${key} is stored twice, as ${keys.get(key)} and ${id}`);
    keys.set(key, id);
  });
  const suffix = committed.slice(committed.length - left.length).map(({ id }) => id);
  if (left.length > committed.length || suffix.some((id, i) => id !== left[i]))
    wrong.push(`${stream}: the stored entries are not the last committed ones`);
  return wrong;
}

function wrongInPushes(pushes: readonly Push[], grounds: ReadonlyMap<string, Ground>): string[] {
  const wrong: string[] = [];
  /** Last stored push of each connection and stream, with its position. */
  const last = new Map<string, { readonly push: Push; readonly position: number }>();
  for (const push of pushes) {
    const { stream, key, connection, resent, outcome } = push;
    const ground = grounds.get(stream);
    const position = ground?.positionOf.get(key);
    const stored = position === undefined ? undefined : ground?.committed[position];
    if (outcome !== undefined && "id" in outcome && stored?.id !== outcome.id)
      wrong.push(
        `${stream}: ${key} was acknowledged as ${outcome.id}, but ${stored === undefined ? "is lost" : `stored as ${stored.id}`}`,
      );
    if (
      outcome !== undefined &&
      "code" in outcome &&
      outcome.code !== "APPEND_UNKNOWN" &&
      !resent &&
      stored !== undefined
    )
      wrong.push(`${stream}: ${key} was rejected with ${outcome.code}, but stored as ${stored.id}`);
    if (position === undefined || resent) continue;
    const before = last.get(`${connection} ${stream}`);
    if (before !== undefined && before.push.order < push.order && before.position > position)
      wrong.push(`${stream}: ${key} is stored before ${before.push.key}, which was sent earlier`);
    last.set(`${connection} ${stream}`, { push, position });
  }
  return wrong;
}

function wrongInReader({ name, latest, sessions }: ReaderHistory, ground: Ground): string[] {
  const { committed, ids, positionOf, firstLeft } = ground;
  const wrong: string[] = [];
  /** Position after the last received entry. */
  let next = 0;
  for (const { cursor, floor, entries } of sessions) {
    const after = cursor === "$" ? floor : cursor;
    next = positionAfter(ids, idOf(after));
    // "Now" resolves to a position after everything that had been acknowledged before.
    let mayBegin = cursor === "$";
    let previous = "";
    for (const { id, key } of entries) {
      const position = positionOf.get(key);
      if (position === undefined || (id !== undefined && committed[position]?.id !== id)) {
        wrong.push(`${name}: got ${key} as ${id}, which differs from the stored entry`);
        continue;
      }
      if (position < next)
        wrong.push(
          `${name}: got ${key} (${id}) again or too late, after ${previous || `its cursor ${after}`}`,
        );
      const lost = committed.slice(Math.max(next, firstLeft), position);
      if (lost.length > 0 && !latest && !mayBegin)
        wrong.push(
          `${name}: missed ${lost.length} entries before ${key} (${id}), the first is ${lost[0]?.id}`,
        );
      mayBegin = false;
      next = position + 1;
      previous = `${key} (${id})`;
    }
    // A reader from "now" has received nothing, which is correct if nothing was appended after it started.
    if (mayBegin) next = committed.length;
  }
  if (next < committed.length && firstLeft < committed.length)
    wrong.push(`${name}: did not reach the end, ${committed.length - next} entries are missing`);
  return wrong;
}

/** A playback sends the entries of all streams in the order of their ids. */
function wrongInPlayback({ name, stretches }: PlaybackHistory): string[] {
  return stretches.flatMap((entries) =>
    entries.flatMap(({ stream, id }, i) => {
      const before = entries[i - 1];
      return before === undefined || compareIds(idOf(before.id), idOf(id)) <= 0
        ? []
        : [`${name}: got ${id} of ${stream} after ${before.id} of ${before.stream}`];
    }),
  );
}
