/** Progress of a recorder: how far it is in each stream, and what the file has. */
import type { StreamEntries } from "../../../domain/streams/entry.ts";
import { compareIds, type EntryId, timeOfId } from "../../../domain/streams/entry-id.ts";

/** Counts the entries of a recorder, and keeps the last id of each stream. */
export class RecorderProgress {
  /** Id of the last entry that it has received, or its cursor, by stream key. */
  readonly #lastIds = new Map<string, EntryId>();
  #entries = 0;
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;

  get entries(): number {
    return this.#entries;
  }

  /** Time of the first entry in ms; infinite without entries. */
  get fromMs(): number {
    return this.#fromMs;
  }

  /** Time of the last entry in ms; infinite without entries. */
  get toMs(): number {
    return this.#toMs;
  }

  /** Keys of the streams. */
  get keys(): readonly string[] {
    return [...this.#lastIds.keys()];
  }

  /** Adds a stream that is read from a cursor. */
  begin(key: string, cursor: EntryId): void {
    this.#lastIds.set(key, cursor);
  }

  /** Counts entries. */
  add({ stream, entries }: StreamEntries): void {
    this.#entries += entries.length;
    const [first] = entries;
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return;
    this.#lastIds.set(stream, last.id);
    this.#fromMs = Math.min(this.#fromMs, timeOfId(first.id));
    this.#toMs = Math.max(this.#toMs, timeOfId(last.id));
  }

  /** Whether it has received the entries up to these ids, by stream key. */
  hasReached(ends: readonly (readonly [key: string, end: EntryId])[]): boolean {
    return ends.every(([key, end]) => compareIds(this.#lastIds.get(key) ?? end, end) >= 0);
  }
}
