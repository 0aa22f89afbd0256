/**
 * Remembered state of one stream at the tail's position. It selects the form of the next check, and judges reads by their
 * checks (`continuity.ts`).
 */
import type { Entry } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../../domain/streams/entry-id.ts";
import type { Reply } from "../resp/reader.ts";
import { markOf, type StreamFacts } from "./stream-facts.ts";

/**
 * Result of a check. `gap`: entries between the position and the first one read may be missing. `new life`: the stream was
 * created again, and ids up to the position now belong to other entries. `unclear`: the read must be repeated.
 */
export type Verdict = "continues" | "gap" | "new life" | "unclear";

/** One read to be judged. */
export interface CheckedRead {
  readonly key: string;
  readonly position: EntryId;
  readonly entries: readonly Entry[];
  /** `COUNT` of the read. */
  readonly count: number;
  /** The reply to the check. */
  readonly answer: Reply;
}

/** Judgement of a read. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Whether more entries follow those that were read. */
  readonly isCut: boolean;
  /** Whether nothing was read, but the stream has fewer entries than before. */
  readonly isShorter: boolean;
}

/** The form of a check. */
export type CheckForm = "length" | "script" | "details";

/** Judgement of a read whose check was inconclusive: it must be repeated. */
export const UNCLEAR: Judgement = { verdict: "unclear", isCut: false, isShorter: false };

/** Number of remaining older entries that, with a matching length, rules out a new life. */
const ENOUGH_OLDER = 64;
/** Number of checks by facts after an inconclusive length. Each inconclusive length costs a discarded read. */
const DOUBTS = 8;
/** Number of checks by length before the next check by facts, which detects a new life that looks like the old one. */
const LENGTHS_IN_A_ROW = 16;

/** State of one stream. */
export class StreamMemory {
  /** Lower bound of the entries added up to the position. */
  #added: number | undefined;
  #length: number | undefined;
  /** Sample of the payload at the position. */
  #mark: string | undefined;
  /** Last id that the stream had generated at the last facts: entries up to it are in `#added` and `#length` already. */
  #counted: EntryId | undefined;
  /** First id and last generated id at the last facts of the present server. Neither decreases in a life. */
  #first: EntryId | undefined;
  #lastGenerated: EntryId | undefined;
  /** The entry at the position was read from the present server. */
  #isPositionRead = false;
  #isEnded = false;
  /** All entries up to the position are read, so the next check may be by length. */
  #isCaughtUp = false;
  /** Remaining checks by facts after an inconclusive length, as in a stream that is trimmed with every entry. */
  #doubts = 0;
  /** Number of checks by length since the last check by facts. */
  #lengths = 0;
  #mayUseDetails = false;

  /** Whether the stream was checked since it has been watched. */
  get isChecked(): boolean {
    return this.#length !== undefined;
  }

  /** Whether the stream that the position belongs to no longer exists. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the facts may be requested by `detailsCommand`. */
  get mayUseDetails(): boolean {
    return this.#mayUseDetails;
  }

  /** Call when the server does not support the details. */
  forbidDetails(): void {
    this.#mayUseDetails = false;
  }

  /** Call when the entry at the position has just been read by another connection. */
  positionRead(): void {
    this.#isPositionRead = true;
  }

  /** Call when another server replies from now on: fewer entries or lower ids no longer prove a new life. */
  serverChanged(): void {
    this.#added = undefined;
    this.#first = undefined;
    this.#lastGenerated = undefined;
    this.#isPositionRead = false;
    this.#isCaughtUp = false;
  }

  /** Form of the next check. @param isLarge whether the stream has large entries */
  nextForm(position: EntryId, isLarge: boolean): CheckForm {
    const length = this.#length ?? 0;
    // More than the minimum: a stream that is trimmed with every entry has one older entry fewer after each read.
    const isEnough = length > this.#minOlder(position, isLarge) && this.#lengths < LENGTHS_IN_A_ROW;
    if (this.#isCaughtUp && !this.#isEnded && this.#doubts === 0 && isEnough) return "length";
    // The details contain a mark of the first entry only.
    const hasMark = this.#mark === undefined || length <= 1;
    return isLarge && this.#mayUseDetails && hasMark ? "details" : "script";
  }

  /** Judges a read by the stream's length. */
  judgeLength({ position, entries, count }: CheckedRead, length: number, isLarge: boolean): Judgement {
    const older = length - entries.length;
    const adds = older === this.#length;
    // Small entries are checked by facts after each trimming, which is cheap.
    const isTrimmed = isLarge && entries.length > 0 && older < (this.#length ?? 0);
    const isEnough = older >= this.#minOlder(position, isLarge);
    const isConclusive = entries.length < count && (adds || isTrimmed) && isEnough;
    if (!isConclusive) this.#doubts = DOUBTS;
    // The stream changed without a newer entry: it may have been replaced by one of the same length.
    const mayBeReplaced = entries.length === 0 && this.#mayUseDetails;
    if (!isConclusive || mayBeReplaced) {
      this.#isCaughtUp = false;
      return UNCLEAR;
    }
    this.grow(entries);
    this.#length = length;
    this.#lengths++;
    return { verdict: "continues", isCut: false, isShorter: false };
  }

  /** Judges a read by the stream's facts. */
  judgeFacts({ position, entries, count }: CheckedRead, facts: StreamFacts): Judgement {
    const last = entries[entries.length - 1];
    const isCut = entries.length >= count && last !== undefined && last.id !== facts.lastGenerated;
    const verdict = this.#verdictOf(position, entries, isCut, facts);
    const isShorter =
      entries.length === 0 && (facts.length === 0 || facts.length < (this.#length ?? facts.length));
    const isOver = this.#isEnded || this.#isAnother(position, facts);
    if (isCut) this.grow(entries);
    else {
      this.#added = facts.exists ? facts.added : 0;
      this.#counted = facts.lastGenerated;
    }
    this.#length = facts.length;
    this.#first = facts.first ?? (isOver ? undefined : this.#first);
    this.#lastGenerated = facts.lastGenerated;
    this.#isPositionRead =
      last !== undefined || facts.hasPosition === true || (this.#isPositionRead && !isOver);
    this.#mark = last === undefined ? facts.mark : this.#markIn(last);
    // Ended until an entry of the new life is read, or the reader knows that some exist at or below its position.
    const isSettled = entries.length > 0 || verdict === "new life";
    this.#isEnded = !isSettled && position !== FIRST_ID && (isOver || !facts.exists);
    this.#doubts = Math.max(0, this.#doubts - 1);
    this.#isCaughtUp = !isCut;
    this.#lengths = 0;
    this.#mayUseDetails = facts.mayUseDetails;
    return { verdict, isCut, isShorter };
  }

  /** Judges without scripts: a gap is inferred only from the number of entries that the stream holds. */
  judgeWithoutScript({ position, entries, count }: CheckedRead, length: number): Judgement {
    const isCut = entries.length >= count && length > count;
    const isShorter = entries.length === 0 && (length === 0 || length < (this.#length ?? length));
    const wasLonger = (this.#length ?? 0) > 1;
    const mayLack = length <= entries.length && (entries.length > 1 || wasLonger);
    const isGap = position !== FIRST_ID && entries.length > 0 && (isCut || mayLack);
    this.#length = length;
    return { verdict: isGap ? "gap" : "continues", isCut, isShorter };
  }

  /** Advances past entries that directly follow the position. */
  grow(entries: readonly Entry[]): void {
    const last = entries[entries.length - 1];
    if (last === undefined) return;
    const fresh = this.#freshIn(entries);
    if (this.#length !== undefined) this.#length += fresh;
    if (this.#added !== undefined) this.#added += fresh;
    this.#isPositionRead = true;
    this.#mark = this.#markIn(last);
  }

  /**
   * Entries at or below the position that prove, with the length, that a stream is the same. For large entries a new life
   * cannot have that many: the clock of Redis has reached the position's time, so generated ids are above the position,
   * except those of the same millisecond. While a mark is kept, the mark is compared instead.
   */
  #minOlder(position: EntryId, isLarge: boolean): number {
    if (this.#mark !== undefined || !isLarge) return ENOUGH_OLDER;
    const sequence = Number(position.slice(position.indexOf("-") + 1));
    return Math.min(ENOUGH_OLDER, sequence + 2);
  }

  /**
   * Number of entries that the last facts do not include. An entry that was deleted before that read is counted in
   * `#added`, but was not read: it may still arrive by the loopback, and counting it twice would make the stream look
   * recreated.
   */
  #freshIn(entries: readonly Entry[]): number {
    const counted = this.#counted;
    const [first] = entries;
    if (counted === undefined || first === undefined || compareIds(first.id, counted) > 0)
      return entries.length;
    return entries.filter(({ id }) => compareIds(id, counted) > 0).length;
  }

  /** Mark of an entry, kept only for short streams: only there can a new life look like a continuation. */
  #markIn(last: Entry): string | undefined {
    return (this.#added ?? ENOUGH_OLDER) < ENOUGH_OLDER ? markOf(last) : undefined;
  }

  /** Whether a stream is another one than the remembered stream. */
  #isAnother(position: EntryId, facts: StreamFacts): boolean {
    const { added, mark, first, lastGenerated } = facts;
    if (added !== undefined && this.#added !== undefined && added < this.#added) return true;
    if (isLess(first, this.#first) || isLess(lastGenerated, this.#lastGenerated)) return true;
    if (this.#isPositionRead && lacksPosition(position, facts)) return true;
    return mark !== undefined && this.#mark !== undefined && mark !== this.#mark;
  }

  #verdictOf(
    position: EntryId,
    entries: readonly Entry[],
    isCut: boolean,
    facts: StreamFacts,
  ): "continues" | "gap" | "new life" {
    if (position === FIRST_ID || !facts.exists) return "continues";
    const hasOlder = facts.first !== undefined && compareIds(facts.first, position) <= 0;
    if (this.#isEnded || this.#isAnother(position, facts)) {
      if (hasOlder) return "new life";
      return entries.length > 0 ? "gap" : "continues";
    }
    if (facts.hasPosition || hasOlder || entries.length === 0) return "continues";
    if (facts.added === undefined) {
      // Before Redis 7.0, a stream trimmed to one entry is indistinguishable from one that was created again.
      const mayBeAlone = entries.length === 1 && facts.length === 1 && (this.#length ?? 1) <= 1;
      return mayBeAlone ? "continues" : "gap";
    }
    const isComplete = !isCut && this.#added !== undefined && facts.added === this.#added + entries.length;
    return isComplete ? "continues" : "gap";
  }
}

const isLess = (id: EntryId | undefined, other: EntryId | undefined): boolean =>
  id !== undefined && other !== undefined && compareIds(id, other) < 0;

/**
 * Whether a stream never had the entry at a position: it has older ones, so the entry was not trimmed, and no entry from there
 * on was deleted.
 */
const lacksPosition = (position: EntryId, { hasPosition, first, maxDeleted }: StreamFacts): boolean =>
  hasPosition === false && isLess(first, position) && isLess(maxDeleted, position);
