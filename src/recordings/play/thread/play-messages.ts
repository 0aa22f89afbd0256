/** Calls of the event loop to the thread that reads recordings, and their results. */
import type { EntryBatch } from "../../entry-batch.ts";

/** Files of a recording, and the part of them that is played. */
export interface PlayedPart {
  /** Paths of the files, in order. */
  readonly paths: readonly string[];
  /** Keys of the streams. */
  readonly keys: readonly string[];
  /** Range in ms since 1970, both included. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Call to the thread. Calls for the same part are performed in order. */
export type PlayCall =
  | { readonly act: "open"; readonly part: number; readonly files: PlayedPart }
  /** Continues at a time. */
  | { readonly act: "seek"; readonly part: number; readonly fromMs: number }
  | { readonly act: "next"; readonly part: number }
  | { readonly act: "close"; readonly part: number };

/** Result of `open`. */
export interface OpenedPart {
  /** Metadata of the streams as JSON, by key, as far as it is recorded. */
  readonly metas: readonly (readonly [key: string, meta: string])[];
  /** Maximum number of bytes of chunks, and of batches with large entries, that are in memory at the same time. */
  readonly bytes: number;
}

/** Result of `next`. */
export interface NextEntries {
  readonly batch: EntryBatch;
  /** Whether these are the last entries. */
  readonly isLast: boolean;
}

/** Results by call. */
export interface PlayResults {
  readonly open: OpenedPart;
  readonly seek: undefined;
  readonly next: NextEntries;
  readonly close: undefined;
}

/** Message to the thread. */
export interface ToPlayThread {
  readonly call: number;
  readonly request: PlayCall;
}

/** Message from the thread: the result of a call, or why it failed. */
export type FromPlayThread =
  | { readonly call: number; readonly value: PlayResults[keyof PlayResults] }
  | { readonly call: number; readonly problem: string };
