/**
 * Continuity check of a tail: detects whether a read continues the previous one, or entries in between were trimmed, or
 * the stream was deleted and created again.
 *
 * Each read is one transaction of a check and the `XREAD`, so no write can happen between the two. The check has two forms:
 *
 * - `XLEN`, the usual one. It shows that enough older entries still exist, so that none between them and the new ones was
 *   trimmed, and that they do not belong to a new life of the stream.
 * - The facts of the stream (`stream-facts.ts`), if too few older entries are left, and every few reads.
 *
 * A read with an inconclusive length is discarded and repeated with the facts.
 */
import type { Entry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import type { Argument } from "../resp/writer.ts";
import { detailsCommand, factsCommand, factsOf, factsOfDetails } from "./stream-facts.ts";
import { type CheckedRead, type Judgement, StreamMemory, UNCLEAR } from "./stream-memory.ts";

/** Entry size (bytes) from which copying payloads into Lua dominates the cost of a read. */
const LARGE_BYTES = 4096;

/** Checks of the streams of one tail. */
export class Continuity {
  readonly #sizes: EntrySizes;
  readonly #canRunScripts: () => boolean;
  readonly #memories = new Map<string, StreamMemory>();

  /** @param canRunScripts returns false if the server does not permit scripts */
  constructor(sizes: EntrySizes, canRunScripts: () => boolean) {
    this.#sizes = sizes;
    this.#canRunScripts = canRunScripts;
  }

  /** The check of a stream, to be sent right before its read in the same transaction. */
  check(key: string, position: EntryId): readonly Argument[] {
    if (!this.#canRunScripts()) return ["XLEN", key];
    switch (this.#memoryOf(key).nextForm(position, this.#isLarge(key))) {
      case "length":
        return ["XLEN", key];
      case "details":
        return detailsCommand(key);
      case "script":
        return factsCommand(key, position);
    }
  }

  /** Judges a read and updates the remembered state. */
  judge(read: CheckedRead): Judgement {
    const { key, answer, position } = read;
    const memory = this.#memoryOf(key);
    if (typeof answer === "number") {
      if (!this.#canRunScripts()) return memory.judgeWithoutScript(read, answer);
      return memory.judgeLength(read, answer, this.#isLarge(key));
    }
    const facts = factsOf(answer) ?? factsOfDetails(answer, position);
    if (facts !== undefined) return memory.judgeFacts(read, facts);
    if (memory.mayUseDetails) {
      memory.forbidDetails();
      return UNCLEAR;
    }
    // The script itself may not run one of its commands: the length is unknown.
    return memory.judgeWithoutScript(read, Number.POSITIVE_INFINITY);
  }

  /** Call when the entry at the position has just been read by another connection. */
  positionRead(key: string): void {
    this.#memoryOf(key).positionRead();
  }

  /** Call when the tail takes entries that directly follow its position without reading them. */
  grow(key: string, entries: readonly Entry[]): void {
    this.#memories.get(key)?.grow(entries);
  }

  /** Whether the stream that the position belongs to no longer exists, so that equal ids mean other entries. */
  isEnded(key: string): boolean {
    return this.#memories.get(key)?.isEnded === true;
  }

  /**
   * Call when another server replies from now on: a promoted replica, or a restarted server. It may lack the last entries
   * that the tail read, so a lower count does not prove that the stream was created again.
   *
   * @param key the stream that has moved; if absent, all streams
   */
  serverChanged(key?: string): void {
    const memories = key === undefined ? this.#memories.values() : [this.#memoryOf(key)];
    for (const memory of memories) memory.serverChanged();
  }

  /** Whether a stream was checked since it has been watched. */
  knows(key: string): boolean {
    return this.#memories.get(key)?.isChecked === true;
  }

  forget(key: string): void {
    this.#memories.delete(key);
  }

  #isLarge(key: string): boolean {
    return this.#sizes.expected(key) >= LARGE_BYTES;
  }

  #memoryOf(key: string): StreamMemory {
    const known = this.#memories.get(key);
    if (known !== undefined) return known;
    const memory = new StreamMemory();
    this.#memories.set(key, memory);
    return memory;
  }
}
