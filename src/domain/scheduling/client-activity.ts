/** Notices whether clients are being served, so that background work can yield to them. */

/** Time (ms) after which a served client no longer counts. */
const RECENT_MS = 1000;
/** Cost of an entry besides its bytes: small entries take time, too. */
export const ENTRY_BYTES = 1024;

/** Activity of the clients of a process. */
export class ClientActivity {
  readonly #now: () => number;
  #isMarked = false;
  #lastAt = Number.NEGATIVE_INFINITY;
  #storedBytes = 0;
  #storedSince: number;
  #storedPerSecond = 0;

  /** @param now time in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#storedSince = now();
  }

  /** Call for each frame that a client receives. Cheap: the time is taken by `isRecent`. */
  received(): void {
    this.#isMarked = true;
  }

  /** Call for each entry that a client stores. */
  stored(bytes: number): void {
    this.#isMarked = true;
    this.#storedBytes += bytes + ENTRY_BYTES;
  }

  /** Returns whether a client was served lately. Precise if it is called repeatedly. */
  isRecent(): boolean {
    const now = this.#now();
    if (this.#isMarked) this.#lastAt = now;
    this.#isMarked = false;
    return now - this.#lastAt < RECENT_MS;
  }

  /** Returns the bytes that clients stored per second, lately or since the last call, with `ENTRY_BYTES` more for each entry. */
  storedPerSecond(): number {
    const now = this.#now();
    const ms = now - this.#storedSince;
    if (ms < RECENT_MS) return this.#storedPerSecond;
    this.#storedPerSecond = (this.#storedBytes / ms) * 1000;
    this.#storedBytes = 0;
    this.#storedSince = now;
    return this.#storedPerSecond;
  }
}
