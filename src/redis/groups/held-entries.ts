/** Entries that a consumer holds of one stream: delivered, and neither settled nor expired. */
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Delivered } from "./commands/group-commands.ts";
import type { HeldEntry } from "./held-entry.ts";

interface Held extends HeldEntry {
  readonly n: number;
  /** Time (ms, monotonic) after which another consumer may have received it. */
  expiresAt: number;
}

/** The entries, by id. */
export class HeldEntries {
  readonly #entries = new Map<EntryId, Held>();

  get size(): number {
    return this.#entries.size;
  }

  add(delivered: readonly Delivered[], expiresAt: number): void {
    for (const { entry, n } of delivered) this.#entries.set(entry.id, { id: entry.id, n, expiresAt });
  }

  get(id: EntryId): HeldEntry | undefined {
    return this.#entries.get(id);
  }

  /** Removes an entry and returns it. */
  take(id: EntryId): HeldEntry | undefined {
    const held = this.#entries.get(id);
    if (held !== undefined) this.#entries.delete(id);
    return held;
  }

  remove(ids: readonly EntryId[]): void {
    for (const id of ids) this.#entries.delete(id);
  }

  /** Removes all entries and returns them. */
  takeAll(): readonly HeldEntry[] {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    return all;
  }

  /** Keeps an entry until a later time. @returns undefined if it is not held */
  prolong(id: EntryId, expiresAt: number): HeldEntry | undefined {
    const held = this.#entries.get(id);
    if (held !== undefined) held.expiresAt = expiresAt;
    return held;
  }

  /** Removes the entries that have expired. */
  expire(now: number): void {
    for (const [id, { expiresAt }] of this.#entries) if (expiresAt < now) this.#entries.delete(id);
  }
}
