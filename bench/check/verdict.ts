/**
 * The verdict on a run: pure, from its history alone.
 *
 * The store's append-only file says what was committed, in which order. So an acknowledged entry is one of it, a refused
 * one is none, and no entry is there twice. (Of one that was sent again a refusal says nothing: an earlier gateway may
 * still store it.) A reader's connection got the committed entries past its cursor, in order,
 * each once; the only ones it may lack are those that had been trimmed away by the end; and its last one came to the end.
 */
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../src/domain/entry-id.ts";
import type { History, NamedEntry, Push, ReaderHistory, StoredStream } from "./history.ts";
import { wrongInGaps } from "./remade.ts";
import { wrongInTwins } from "./twins.ts";

/** What is wrong with a run; nothing where all is well. */
export function judge({ pushes, readers, streams, deaths, besides }: History): string[] {
  const grounds = new Map(streams.map((stream) => [stream.stream, groundOf(stream)]));
  return [
    ...deaths,
    ...streams.flatMap((stream) => wrongInStore(stream)),
    ...wrongInPushes(pushes, grounds),
    ...(besides === undefined ? [] : wrongInGaps(besides.remade, besides.gapReaders)),
    ...(besides === undefined ? [] : wrongInTwins(new Map(besides.twins), besides.twinPosts)),
    ...readers.flatMap((reader) => {
      const ground = grounds.get(reader.stream);
      return ground === undefined
        ? [`${reader.name}: nothing is known of ${reader.stream}`]
        : wrongInReader(reader, ground);
    }),
  ];
}

/** A stream as it is asked about: by key and by place. */
interface Ground {
  readonly committed: readonly NamedEntry[];
  readonly placeOf: ReadonlyMap<string, number>;
  /** The place of the first entry that is still there: all before it may be gone. */
  readonly firstLeft: number;
}

function groundOf({ committed, left }: StoredStream): Ground {
  const first = committed.findIndex(({ id }) => id === left[0]);
  return {
    committed,
    placeOf: new Map(committed.map(({ key }, place) => [key, place])),
    firstLeft: first < 0 ? committed.length : first,
  };
}

const idOf = (text: string | undefined): EntryId =>
  (text === undefined ? undefined : parseId(text)) ?? FIRST_ID;

function wrongInStore({ stream, committed, left }: StoredStream): string[] {
  const wrong: string[] = [];
  const keys = new Map<string, string | undefined>();
  committed.forEach(({ id, key }, place) => {
    const before = committed[place - 1];
    if (before !== undefined && compareIds(idOf(before.id), idOf(id)) >= 0)
      wrong.push(`${stream}: ${id} was committed after ${before.id}`);
    if (keys.has(key)) wrong.push(`${stream}: ${key} is stored twice, as ${keys.get(key)} and ${id}`);
    keys.set(key, id);
  });
  const suffix = committed.slice(committed.length - left.length).map(({ id }) => id);
  if (left.length > committed.length || suffix.some((id, i) => id !== left[i]))
    wrong.push(`${stream}: what is left is not the end of what was committed`);
  return wrong;
}

function wrongInPushes(pushes: readonly Push[], grounds: ReadonlyMap<string, Ground>): string[] {
  const wrong: string[] = [];
  /** The last push of each connection and stream that is stored, and its place. */
  const last = new Map<string, { readonly push: Push; readonly place: number }>();
  for (const push of pushes) {
    const { stream, key, connection, resent, outcome } = push;
    const ground = grounds.get(stream);
    const place = ground?.placeOf.get(key);
    const stored = place === undefined ? undefined : ground?.committed[place];
    if (outcome !== undefined && "id" in outcome && stored?.id !== outcome.id)
      wrong.push(
        `${stream}: ${key} was acknowledged as ${outcome.id}, and ${stored === undefined ? "is lost" : `stored as ${stored.id}`}`,
      );
    if (
      outcome !== undefined &&
      "code" in outcome &&
      outcome.code !== "APPEND_UNKNOWN" &&
      !resent &&
      stored !== undefined
    )
      wrong.push(`${stream}: ${key} was refused with ${outcome.code}, and stored as ${stored.id}`);
    if (place === undefined || resent) continue;
    const before = last.get(`${connection} ${stream}`);
    if (before !== undefined && before.push.order < push.order && before.place > place)
      wrong.push(`${stream}: ${key} stands before ${before.push.key}, which was sent earlier`);
    last.set(`${connection} ${stream}`, { push, place });
  }
  return wrong;
}

function wrongInReader({ name, latest, sessions }: ReaderHistory, ground: Ground): string[] {
  const { committed, placeOf, firstLeft } = ground;
  const wrong: string[] = [];
  /** The place behind what it has. */
  let next = 0;
  for (const { cursor, floor, entries } of sessions) {
    const after = cursor === "$" ? floor : cursor;
    next = placePast(committed, idOf(after));
    // From "now" begins somewhere past what had been acknowledged before.
    let mayBegin = cursor === "$";
    let previous = "";
    for (const { id, key } of entries) {
      const place = placeOf.get(key);
      if (place === undefined || (id !== undefined && committed[place]?.id !== id)) {
        wrong.push(`${name}: got ${key} as ${id}, which is not stored so`);
        continue;
      }
      if (place < next)
        wrong.push(
          `${name}: got ${key} (${id}) again or too late, after ${previous || `its cursor ${after}`}`,
        );
      const lost = committed.slice(Math.max(next, firstLeft), place);
      if (lost.length > 0 && !latest && !mayBegin)
        wrong.push(`${name}: missed ${lost.length} before ${key} (${id}), the first of them ${lost[0]?.id}`);
      mayBegin = false;
      next = place + 1;
      previous = `${key} (${id})`;
    }
    // Nothing has come yet from "now" on, which may well be all there is.
    if (mayBegin) next = committed.length;
  }
  if (next < committed.length && firstLeft < committed.length)
    wrong.push(`${name}: did not come to the end, ${committed.length - next} are left`);
  return wrong;
}

/** The place of the first entry past an id, by bisection. */
function placePast(committed: readonly NamedEntry[], cursor: EntryId): number {
  let low = 0;
  let high = committed.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds(idOf(committed[middle]?.id), cursor) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
