/** One stream of a read-ahead: the page in flight, the memory of its entries, and how far the stream is known. */
import { bytesOf, type Entry } from "../../../domain/streams/entry.ts";
import { compareIds, type EntryId, LAST_ID, laterId, timeOfId } from "../../../domain/streams/entry-id.ts";
import { PASSED_MS, watermark } from "../../../domain/streams/watermark.ts";
import type { Page } from "../../../redis/read/page-reader.ts";
import type { StreamState } from "../../stream-state.ts";

/** One stream of a playback. */
export interface PlayedStream {
  readonly state: StreamState;
  /** The entry right after which entries were missing when a page was read. */
  gapBefore: EntryId | undefined;
}

/** A stream that is read ahead. */
export interface Source extends PlayedStream {
  /** Cursor of the next page. */
  readCursor: EntryId;
  isReading: boolean;
  /** Its entries were forgotten, and those of the page in flight will be. */
  isDropped: boolean;
  /** Bytes reserved for the queued entries and for the page in flight. */
  reserved: number;
  /** Bytes reserved for the page in flight. */
  reservedForPage: number;
  /** Number of queued entries, and their bytes. */
  queued: number;
  queuedBytes: number;
  /** Average time between two entries of the last page; undefined before there is one. */
  msPerEntry: number | undefined;
  /** The last page reached the end of the stream. */
  isAtEnd: boolean;
  /** All entries of the range have been read. */
  isComplete: boolean;
  /** Number of takes when a page was requested that turned out empty. */
  emptyAt: number;
  /** Time at which the last page with entries arrived, in ms on the clock of the timers. */
  arrivedAt: number;
}

/** A page that has arrived. */
export interface ReadPage {
  readonly page: Page;
  /** Number of takes when it was requested. */
  readonly takes: number;
  /** Time of day when it was requested, in ms. */
  readonly readAt: number;
  /** Id of the first queued entry of all streams, if its millisecond had passed in Redis when the page was requested. */
  readonly passedHead: EntryId;
  /** Time of its arrival, in ms on the clock of the timers. */
  readonly arrivedAt: number;
}

/**
 * Returns the time (ms) until the millisecond of an entry has passed in Redis.
 *
 * @param id that of the first queued entry of all streams @param source its stream @param now on the clock of the timers
 */
export function untilPassed(id: EntryId, { arrivedAt }: Source, now: number, timeOfDay: number): number {
  return watermark(id, timeOfDay) === id ? 0 : Math.max(0, arrivedAt + PASSED_MS - now);
}

/** Begins to read a stream after its cursor. */
export const openSource = (state: StreamState): Source => ({
  state,
  gapBefore: undefined,
  readCursor: state.cursor,
  isReading: false,
  isDropped: false,
  reserved: 0,
  reservedForPage: 0,
  queued: 0,
  queuedBytes: 0,
  msPerEntry: undefined,
  isAtEnd: false,
  isComplete: false,
  emptyAt: -1,
  arrivedAt: 0,
});

/** Takes a page over. @param end the last id of the range @returns its entries in the range */
export function takePage(
  source: Source,
  { page, takes, arrivedAt }: ReadPage,
  end: EntryId,
): readonly Entry[] {
  const { entries, isLast, hasGap, isGone } = page;
  const inRange = entries.filter(({ id }) => compareIds(id, end) <= 0);
  const [first] = inRange;
  if ((hasGap || isGone) && first !== undefined) source.gapBefore = first.id;
  const last = inRange.at(-1);
  if (first !== undefined && last !== undefined && last !== first)
    source.msPerEntry = (timeOfId(last.id) - timeOfId(first.id)) / (inRange.length - 1);
  source.readCursor = last?.id ?? source.readCursor;
  source.isAtEnd = isLast;
  source.isComplete = inRange.length < entries.length || compareIds(source.readCursor, end) >= 0;
  if (entries.length === 0) source.emptyAt = takes;
  else source.arrivedAt = arrivedAt;
  source.queued += inRange.length;
  source.queuedBytes += bytesOf(inRange);
  return inRange;
}

/** Returns the id up to which a stream is known after a page. */
export function horizonOf(source: Source, { page, readAt, passedHead }: ReadPage): EntryId {
  if (source.isComplete) return LAST_ID;
  if (!source.isAtEnd) return source.readCursor;
  const known = laterId(source.readCursor, watermark(LAST_ID, readAt));
  // A stream that was read again after the millisecond of the waiting entry had passed has no entries before it.
  return page.entries.length === 0 ? laterId(known, passedHead) : known;
}
