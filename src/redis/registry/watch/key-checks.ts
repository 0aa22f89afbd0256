/**
 * Checks whether keys are streams. Events of keys are only hints, and `TYPE` decides. If another event of the key arrives
 * while `TYPE` is in flight, it is sent again, so the order of the replies and events of several connections does not matter.
 */
import type { Database } from "../../resp/commands.ts";

/** Receives results. */
export interface KeyCheckHooks {
  readonly exists: (key: string) => void;
  readonly isGone: (key: string) => void;
  /** Called when the key may have changed since it was last checked. */
  readonly mayHaveChanged: (key: string) => void;
}

/** A check in progress. */
interface Check {
  /** An event arrived after `TYPE` was sent. */
  isStale: boolean;
  /** The stream that was known is another one than the stream that exists now. */
  isReplaced: boolean;
  readonly done: Promise<void>;
}

/** Minimum time (ms) between two checks of a key that changes constantly and is not a stream. */
const RECHECK_MS = 1000;
/** The same for a stream, which is also checked in each round. */
const RECHECK_STREAM_MS = 10_000;
/** Remembered keys; above this, all are forgotten. */
const MAX_REMEMBERED = 100_000;

/** Checks over one connection. */
export class KeyChecks {
  readonly #database: Database;
  readonly #hooks: KeyCheckHooks;
  readonly #running = new Map<string, Check>();
  /** Time at which keys that may change all the time were last checked. */
  readonly #checkedAt = new Map<string, number>();
  readonly #later = new Set<string>();
  #isClosed = false;

  constructor(database: Database, hooks: KeyCheckHooks) {
    this.#database = database;
    this.#hooks = hooks;
  }

  /** Ends the reports. */
  close(): void {
    this.#isClosed = true;
    this.#running.clear();
    this.#later.clear();
  }

  /** Repeats a check in progress. @param isReplaced a known stream was replaced @returns false if none is in progress */
  repeat(key: string, isReplaced: boolean): boolean {
    const running = this.#running.get(key);
    if (running === undefined) return false;
    running.isStale = true;
    running.isReplaced ||= isReplaced;
    return true;
  }

  /** Resolves when all checks in progress are done. */
  async settle(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Finds out whether a key is a stream. */
  check(key: string): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.isStale = true;
      return running.done;
    }
    const done = new Promise<void>((resolve) => {
      this.#database.send(["TYPE", key], (error, reply) => {
        if (this.#isClosed) return resolve();
        const { isStale = false, isReplaced = false } = this.#running.get(key) ?? {};
        this.#running.delete(key);
        if (isReplaced) this.#hooks.isGone(key);
        // After a lost connection all keys are listed again.
        if (error === undefined) this.#decide(key, String(reply), isStale);
        if (isStale && String(reply) !== "stream") return resolve(this.check(key));
        if (isStale) this.#hooks.mayHaveChanged(key);
        resolve();
      });
    });
    this.#running.set(key, { isStale: false, isReplaced: false, done });
    return done;
  }

  /** Checks a key now, or in a while if it was checked a short time ago and has not changed its state. */
  checkSometimes(key: string, isStream: boolean): void {
    const now = performance.now();
    const at = this.#checkedAt.get(key);
    if (at !== undefined && isStream && now - at < RECHECK_STREAM_MS) return;
    if (at !== undefined && now - at < RECHECK_MS) {
      if (this.#later.size === 0) setTimeout(() => this.#checkWaiting(), RECHECK_MS).unref();
      this.#later.add(key);
      return;
    }
    if (this.#checkedAt.size >= MAX_REMEMBERED) this.#checkedAt.clear();
    this.#checkedAt.set(key, now);
    void this.check(key);
  }

  #checkWaiting(): void {
    const keys = [...this.#later];
    this.#later.clear();
    for (const key of keys) this.#hooks.mayHaveChanged(key);
  }

  /** @param isStale the key has changed since `type` was true */
  #decide(key: string, type: string, isStale: boolean): void {
    if (type === "none") this.#checkedAt.delete(key);
    if (type === "stream") this.#hooks.exists(key);
    else if (!isStale) this.#hooks.isGone(key);
  }
}
