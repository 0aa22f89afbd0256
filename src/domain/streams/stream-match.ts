/** Patterns that select streams of a list, as flags of commands and playbacks have them. */
import { matchesGlob } from "./stream-pattern.ts";

/** A stream with its names. */
export interface NamedStream {
  /** Redis key, `device:stream`. */
  readonly key: string;
  readonly stream: string;
}

/** Returns whether a pattern matches a stream: its key if the pattern has a colon, else its name. */
export const matchesStream = (pattern: string, { key, stream }: NamedStream): boolean =>
  matchesGlob(pattern, pattern.includes(":") ? key : stream);
