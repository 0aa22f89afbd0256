/**
 * Reader of recordings, seen from the event loop: it reads in a thread, one batch ahead. The thread starts for the first part, and
 * ends some time after the last.
 */
import type { Entry } from "../../../domain/streams/entry.ts";
import { IdleThread } from "../../../threads/idle-thread.ts";
import { unpackEntries } from "../../entry-batch.ts";
import type {
  FromPlayThread,
  NextEntries,
  OpenedPart,
  PlayCall,
  PlayedPart,
  PlayResults,
  ToPlayThread,
} from "./play-messages.ts";

/** An entry with the key of its stream. */
export interface PlayedEntry {
  readonly key: string;
  readonly entry: Entry;
}

/** An open part of a recording. All methods throw Error if a file is damaged. */
export interface PartReader extends OpenedPart {
  /** Yields the entries from a time on. One generator is used at a time. */
  read(fromMs: number): AsyncGenerator<PlayedEntry, void, undefined>;
  close(): void;
}

interface Waiting {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** Reader of recordings in a thread. */
export class PlayReader {
  readonly #waiting = new Map<number, Waiting>();
  readonly #parts = new Set<number>();
  #lastCall = 0;
  #lastPart = 0;
  readonly #thread = new IdleThread<ToPlayThread, FromPlayThread>({
    ...{ script: "play-thread", work: "reads recordings" },
    onMessage: (message) => {
      const waiting = this.#waiting.get(message.call);
      this.#waiting.delete(message.call);
      if ("problem" in message) waiting?.reject(new Error(message.problem));
      else waiting?.resolve(message.value as never);
    },
    onFailed: (error) => this.#failAll(error),
  });

  /** Opens a part of a recording. @throws Error that names the file that cannot be read */
  async open(files: PlayedPart): Promise<PartReader> {
    const part = ++this.#lastPart;
    this.#parts.add(part);
    const close = () => this.#close(part);
    try {
      const opened = await this.#call({ act: "open", part, files });
      return { ...opened, read: (fromMs) => this.#read(part, fromMs), close };
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread.close();
    this.#failAll(new Error("the thread that reads recordings was closed"));
  }

  async *#read(part: number, fromMs: number): AsyncGenerator<PlayedEntry, void, undefined> {
    const next = (): Promise<NextEntries> => {
      const result = this.#call({ act: "next", part });
      // It is awaited below, unless the generator ends before that.
      result.catch(() => undefined);
      return result;
    };
    await this.#call({ act: "seek", part, fromMs });
    for (let ahead: Promise<NextEntries> | undefined = next(); ahead !== undefined; ) {
      const { batch, isLast }: NextEntries = await ahead;
      ahead = isLast ? undefined : next();
      for (const [key, entry] of unpackEntries(batch)) yield { key, entry };
    }
  }

  #close(part: number): void {
    // If the thread ended, its parts are closed.
    if (!this.#parts.delete(part) || !this.#thread.isRunning) return;
    this.#call({ act: "close", part }).catch(() => undefined);
    if (this.#parts.size === 0) this.#thread.endSoon();
  }

  #call<R extends PlayCall>(request: R): Promise<PlayResults[R["act"]]> {
    return new Promise((resolve, reject) => {
      const call = ++this.#lastCall;
      const post = this.#thread.running();
      this.#waiting.set(call, { resolve, reject });
      post({ call, request });
    });
  }

  #failAll(error: Error): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(error);
  }
}
