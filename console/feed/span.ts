/** Long range of the past around the shown moment: read once the moment stays, and kept while the moment moves inside of it. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { PulledEntry } from "../../client/browser.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { isLater } from "../page/entry-id.ts";
import { countFor, endOf, LONG, type Range, startOf } from "./history.ts";

/** Time at one moment after which the range is read, ms. */
const SETTLED_MS = 300;

/** Reads entries of a range, in its order. */
type Read = (range: Range, count: number, signal: AbortSignal) => Promise<PulledEntry[]>;

/** The range of one stream. */
export class Span {
  readonly #read: Read;
  readonly #later = signal<readonly PulledEntry[]>([]);
  /** Entries of the range without a gap; empty until they are read. */
  #all: readonly PulledEntry[] = [];
  #reading = new AbortController();
  /** Length before and after the moment, ms; may be infinite. Undefined reads nothing. */
  lengthMs: number | undefined;

  constructor(read: Read) {
    this.#read = read;
  }

  /** Entries after the shown moment. */
  get later(): ReadonlySignal<readonly PulledEntry[]> {
    return this.#later;
  }

  /** Returns the entries up to a moment inside of the range; undefined if it is outside. @param end Unix ms or an entry id */
  at(end: string): readonly PulledEntry[] | undefined {
    if (this.lengthMs === undefined) return undefined;
    const isAfter = end.includes("-")
      ? ({ id }: PulledEntry) => isLater(id, end)
      : ({ timeMs }: PulledEntry) => timeMs > Number(end);
    const count = this.#all.findIndex(isAfter);
    if (count <= 0) return undefined;
    this.#later.value = this.#all.slice(count);
    return this.#all.slice(0, count);
  }

  /**
   * Reads the range. It is only an addition, so a failed read is not reported.
   *
   * @param newest the last shown entry @param hasLater whether entries after it belong to the range
   * @param show receives the entries up to the last shown one
   */
  async read(
    newest: PulledEntry,
    hasLater: boolean,
    ended: AbortSignal,
    show: (entries: readonly PulledEntry[]) => void,
  ): Promise<void> {
    this.#reading.abort();
    this.#reading = new AbortController();
    const aborted = AbortSignal.any([ended, this.#reading.signal]);
    const { lengthMs } = this;
    if (lengthMs === undefined) return;
    try {
      await sleep(SETTLED_MS, aborted);
      const count = countFor(LONG, newest);
      const start = startOf(newest, lengthMs);
      const before = (await this.#read({ start, end: newest.id, reverse: true }, count, aborted)).reverse();
      if (aborted.aborted || before.length === 0) return;
      this.#all = before;
      show(before);
      if (!hasLater) return;
      const range = { start: `(${newest.id}`, ...endOf(newest, lengthMs), reverse: false };
      const later = await this.#read(range, count, aborted);
      if (aborted.aborted) return;
      this.#all = [...before, ...later];
      this.#later.value = later;
    } catch {
      // Aborted, or not available: the recent entries are shown.
    }
  }

  /** Ends a read, and shows no later entries. */
  hide(): void {
    this.#reading.abort();
    if (this.#later.peek().length > 0) this.#later.value = [];
  }

  /** Forgets the range. */
  clear(): void {
    this.hide();
    this.#all = [];
  }
}
