/** Reads a few entries of each stream from Redis, for the steps and the skips of a playback. */
import type { Entry } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId, idAfter, idBefore } from "../../domain/streams/entry-id.ts";
import type { DeliveryContext } from "../delivery.ts";
import { retryLater } from "../retry.ts";
import type { StreamState } from "../stream-state.ts";
import type { PlayedStream } from "./ahead/source.ts";
import type { Runs } from "./frame-sender.ts";

/** A range of ids, including both ends. */
export interface IdRange {
  readonly start: EntryId;
  readonly end: EntryId;
}

/** Entries that a step reads at a time. Only the last one of them is sent, so that more would be garbage. */
const STEP_ENTRIES = 8;

/** Receives the found entries, in the order of their ids. Not called if the lookup was cancelled or halted. */
export type OnFound = (runs: Runs) => void;

interface Lookup {
  /** Maximum entries of each stream in one read. */
  readonly count: number;
  /** Finds the entries of a stream, in ascending order. */
  readonly find: (state: StreamState, isNeeded: () => boolean) => Promise<readonly Entry[]>;
  readonly onFound: OnFound;
}

/** The lookups of one playback, one at a time. */
export class EntryLookups {
  readonly #context: DeliveryContext<unknown>;
  readonly #onEnded: () => void;
  /** The lookup whose result is used. */
  #current: Lookup | undefined;
  /** Lookups in flight, with those that were cancelled. */
  #inFlight = 0;

  /** @param onEnded called when the reads of a lookup have ended, in a later event-loop turn. Does not throw */
  constructor(context: DeliveryContext<unknown>, onEnded: () => void) {
    this.#context = context;
    this.#onEnded = onEnded;
  }

  /** Whether reads are in flight. The next ones wait for them, so that a client cannot start many. */
  get isReading(): boolean {
    return this.#inFlight > 0;
  }

  /** Drops the result of the lookup in flight. */
  cancel(): void {
    this.#current = undefined;
  }

  /** Looks up the newest entries after the cursors, up to an id. Does nothing without memory. */
  newest(upTo: EntryId, count: number, onFound: OnFound): void {
    this.#start({ count, find: (state) => this.#newestOf(state, upTo, count), onFound });
  }

  /**
   * Looks up the entry that is `steps` entries after (or, if negative, before) the last one that was sent, or the last before
   * the end of the range. Does nothing without memory.
   */
  inSteps(steps: number, range: IdRange, onFound: OnFound): void {
    this.#start({
      count: STEP_ENTRIES,
      find: (state, isNeeded) => this.#inStepsOf(state, steps, range, isNeeded),
      onFound,
    });
  }

  #start(lookup: Lookup): void {
    const context = this.#context;
    const { states, streamReader } = context;
    const bytes = states.reduce(
      (sum, { key }) => sum + streamReader.expectedBytes(key, lookup.count, states.length),
      0,
    );
    if (bytes > 0 && !context.reserve(bytes)) return;
    this.#current = lookup;
    this.#inFlight++;
    const isNeeded = () => this.#current === lookup && !context.isHalted();
    const fail = (error: unknown) => context.onError(error);
    Promise.all(states.map((state) => lookup.find(state, isNeeded)))
      .then(
        (found) => {
          context.unreserve(bytes);
          this.#inFlight--;
          if (isNeeded()) this.#report(lookup, states, found);
          this.#onEnded();
        },
        (error) => {
          context.unreserve(bytes);
          const ended = () => {
            this.#inFlight--;
            this.#onEnded();
          };
          if (this.#current === lookup) retryLater(error, fail, ended);
          else ended();
        },
      )
      .catch(fail);
  }

  #report(lookup: Lookup, states: readonly StreamState[], found: readonly (readonly Entry[])[]): void {
    this.#current = undefined;
    const entries = states.flatMap((state, i) => {
      const stream = { state, gapBefore: undefined };
      return state.isRemoved ? [] : (found[i] ?? []).map((entry) => ({ stream, entry }));
    });
    const runs: { readonly stream: PlayedStream; readonly entries: Entry[] }[] = [];
    // Entries with the same id stay in the order of the streams.
    for (const { stream, entry } of entries.sort((a, b) => compareIds(a.entry.id, b.entry.id))) {
      const last = runs.at(-1);
      if (last?.stream === stream) last.entries.push(entry);
      else runs.push({ stream, entries: [entry] });
    }
    lookup.onFound(runs);
  }

  async #newestOf({ key, cursor }: StreamState, end: EntryId, count: number): Promise<readonly Entry[]> {
    const { streamReader, states } = this.#context;
    const start = idAfter(cursor);
    if (start === undefined || compareIds(start, end) > 0) return [];
    const { entries } = await streamReader.readRange(
      key,
      { start, end, count, reverse: true },
      states.length,
    );
    return [...entries].reverse();
  }

  async #inStepsOf(
    { key, cursor, madeFromTime }: StreamState,
    steps: number,
    { start, end }: IdRange,
    isNeeded: () => boolean,
  ): Promise<readonly Entry[]> {
    const { streamReader, states } = this.#context;
    const reverse = steps < 0;
    // A cursor that was made from a time is not the id of a sent entry.
    let from = reverse ? (cursor === madeFromTime ? cursor : idBefore(cursor)) : idAfter(cursor);
    let found: Entry | undefined;
    for (let left = Math.abs(steps); left > 0 && from !== undefined && isNeeded(); ) {
      const range = reverse ? { start, end: from } : { start: from, end };
      if (compareIds(range.start, range.end) > 0) break;
      const { entries } = await streamReader.readRange(
        key,
        { ...range, count: Math.min(left, STEP_ENTRIES), reverse },
        states.length,
      );
      const last = entries.at(-1);
      if (last === undefined) break;
      found = last;
      left -= entries.length;
      from = reverse ? idBefore(last.id) : idAfter(last.id);
    }
    return found === undefined ? [] : [found];
  }
}
