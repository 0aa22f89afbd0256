/** Patterns that select streams, as the flags of commands have them. */
import { matchesGlob } from "../../src/domain/streams/stream-pattern.ts";

/** A stream with its names. */
export interface NamedStream {
  /** Redis key, `device:stream`. */
  readonly key: string;
  readonly stream: string;
}

/** Returns whether a pattern matches a stream: its key if the pattern has a colon, else its name. */
export const matchesStream = (pattern: string, { key, stream }: NamedStream): boolean =>
  matchesGlob(pattern, pattern.includes(":") ? key : stream);
