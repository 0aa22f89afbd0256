/** Options that several commands share, and their parsers. */
import type { OptionRow } from "./command.ts";

/** Values of the options of every command that uses a gateway. */
export interface ConnectionFlags {
  readonly url: string;
  readonly token?: string;
  /** Certificate authorities in PEM. */
  readonly ca?: string;
}

/** Values of `NAMING`. */
export interface NamingFlags extends ConnectionFlags {
  readonly device?: string;
  readonly prefix?: string;
}

/** The URL of a gateway on the same machine. */
export const DEFAULT_URL = "http://127.0.0.1:8000";

/** Options that are accepted everywhere, before and after the command. */
export const GLOBAL: readonly OptionRow[] = [
  { flags: "--url <url>", doc: `gateway (default: ${DEFAULT_URL})`, env: "REDIS_STREAMER_URL" },
  { flags: "--token <key>", doc: "API key or token", env: "REDIS_STREAMER_TOKEN" },
  {
    flags: "--ca <file>",
    doc: "further certificate authorities, PEM",
    env: "REDIS_STREAMER_CA",
  },
  { flags: "-q, --quiet", doc: "no progress and no notices, only errors" },
];

/** Options that complete the name of a stream. */
export const NAMING: readonly OptionRow[] = [
  {
    flags: "--device <id>",
    doc: "device of the stream; '' if the stream name is a complete Redis key (default: default)",
  },
  { flags: "--prefix <text>", doc: "text before the stream name in its Redis key" },
];

export const COUNT: OptionRow = {
  flags: "--count <entries>",
  doc: "stop after this many entries",
  parse: positiveInteger(15),
};

export const LATEST: OptionRow = {
  flags: "--latest",
  doc: "deliver only the newest entry, skip older ones",
};

/** Returns the parser of an integer of at least 1. @param mostDigits maximum number of its digits */
export function positiveInteger(mostDigits: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) && text.length <= mostDigits ? Number(text) : 0;
    if (value < 1) throw new Error(`must be an integer of at least 1, got "${text}"`);
    return value;
  };
}

/** Parses entries per second; 0 is without a limit. @throws Error */
export function parseRate(text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(rate <= 1e6)) throw new Error(`must be a number from 0 to 1000000, got "${text}"`);
  return rate;
}
