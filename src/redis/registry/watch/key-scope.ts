/** Key scope: the streams whose keys begin with a prefix, and the listeners for changes of that set. */

/** Receives changes of the set of streams. */
export interface StreamListener {
  /**
   * Called when a stream was created after the listener was added.
   *
   * @param birth differs from that of an earlier stream with the same key
   */
  appeared(key: string, birth: number): void;
  /** Called when a stream no longer exists. */
  vanished(key: string): void;
}

/** Streams with a prefix. */
export class KeyScope {
  readonly prefix: string;
  readonly listeners = new Set<StreamListener>();
  readonly #keys = new Set<string>();
  /** Keys that changed during the current listing; undefined if there is none. */
  #touched: Set<string> | undefined;
  /** Requests that use the scope or wait for it. */
  users = 0;
  /** Time at which the last user left, in ms of `performance.now()`. */
  idleSince = 0;
  /** Resolves when changes are reported and the streams are listed for the first time. */
  ready: Promise<void> = Promise.resolve();

  readonly #nextBirth: () => number;

  /** @param nextBirth returns another number each time */
  constructor(prefix: string, nextBirth: () => number) {
    this.prefix = prefix;
    this.#nextBirth = nextBirth;
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /** Whether a key has the prefix. */
  covers(key: string): boolean {
    return key.startsWith(this.prefix);
  }

  /** Adds a stream that exists. @returns whether it was unknown */
  add(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    const birth = this.#nextBirth();
    for (const listener of this.listeners) listener.appeared(key, birth);
    return true;
  }

  /** Removes a stream that does not exist. */
  remove(key: string): void {
    if (!this.#keys.delete(key)) return;
    for (const listener of this.listeners) listener.vanished(key);
  }

  /** Marks a key as changed, so that a listing in progress does not decide about it. */
  touch(key: string): void {
    this.#touched?.add(key);
  }

  /** Begins a listing. */
  beginListing(): void {
    this.#touched = new Set();
  }

  /**
   * Applies the result of a listing, in steps. A key that changed during the listing is checked separately, because the
   * listing may be older than the change.
   *
   * @param listed keys of all streams of the database
   * @param check called for keys whose existence is uncertain
   */
  *takeListing(listed: readonly string[], check: (key: string) => void): Generator<void, void> {
    const found = new Set<string>();
    for (const [i, key] of listed.entries()) {
      if (i % KEYS_PER_STEP === 0) yield;
      if (!this.covers(key)) continue;
      found.add(key);
      if (this.#touched?.has(key)) check(key);
      else this.add(key);
    }
    for (const key of this.#keys) if (!found.has(key)) check(key);
    this.#touched = undefined;
  }
}

/** Keys that are handled between two yields. */
const KEYS_PER_STEP = 512;
