/**
 * Reads over another connection than the one that tracks keys. Before the first read of a key, a command over the tracked
 * connection arms its tracking, so that Redis reports changes after the read, and even its small answer can be cached.
 */
import { keyOf } from "../resp/command-key.ts";
import type { Commands } from "../resp/commands.ts";
import type { Argument } from "../resp/writer.ts";

/** Keys known to be armed; above this, all are armed again. */
const MAX_ARMED = 10_000;

/** Connections of the reads. */
export interface TrackedReadsParts {
  /** Connection with `CLIENT TRACKING`. */
  readonly tracked: Commands;
  /** Connection of the reads. */
  readonly reads: Commands;
}

/** Commands that read keys whose changes Redis reports. */
export class TrackedReads implements Commands {
  readonly #tracked: Commands;
  readonly #reads: Commands;
  /** Keys whose next change is reported. */
  readonly #armed = new Set<string>();

  constructor({ tracked, reads }: TrackedReadsParts) {
    this.#tracked = tracked;
    this.#reads = reads;
  }

  send: Commands["send"] = (args, done) => this.#arm([args], () => this.#reads.send(args, done));

  call: Commands["call"] = (...args) =>
    new Promise((resolve, reject) => {
      this.#arm([args], () => void this.#reads.call(...args).then(resolve, reject));
    });

  transact: Commands["transact"] = (commands, done) =>
    this.#arm(commands, () => this.#reads.transact(commands, done));

  /** Call when Redis has reported a change of a key: it reports the next one only after another read. */
  changed(key: string): void {
    this.#armed.delete(key);
  }

  /** Call when Redis does not report changes any more, or everything has changed. */
  allChanged(): void {
    this.#armed.clear();
  }

  #arm(commands: readonly (readonly Argument[])[], read: () => void): void {
    const keys = new Set(commands.map(keyOf));
    for (const key of keys) if (this.#armed.has(key)) keys.delete(key);
    let missing = keys.size;
    if (missing === 0) {
      read();
      return;
    }
    for (const key of keys)
      this.#tracked.send(["XLEN", key], (error) => {
        // An error of this command is also that of the read.
        if (error === undefined) this.#add(key);
        if (--missing === 0) read();
      });
  }

  #add(key: string): void {
    if (this.#armed.size >= MAX_ARMED) this.#armed.clear();
    this.#armed.add(key);
  }
}
