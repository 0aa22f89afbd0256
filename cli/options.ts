/** Options that several commands share, and their parsers. */
import type { OptionRow } from "./command.ts";

/** Values of the options of every command that uses a gateway. */
export interface ConnectionFlags {
  readonly url: string;
  readonly token?: string;
  /** Certificate authorities in PEM. */
  readonly ca?: string;
}

/** Values of the global options as they were given. */
export interface GivenFlags extends Partial<ConnectionFlags> {
  readonly context?: string;
  readonly quiet?: boolean;
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
    kind: "file",
  },
  {
    flags: "--context <name>",
    doc: "named gateway (redis-streamer context)",
    env: "REDIS_STREAMER_CONTEXT",
    kind: "context",
  },
  { flags: "-q, --quiet", doc: "no progress and no notices, only errors" },
];

/** Device of the stream. */
export const DEVICE: OptionRow = {
  flags: "--device <id>",
  doc: "device of the stream; '' if the stream name is a complete Redis key (default: default)",
  parameters: ["device_id"],
};

/** Prefix of the stream key. */
export const PREFIX: OptionRow = {
  flags: "--prefix <text>",
  doc: "text before the stream name in its Redis key",
};

/** Options that complete the name of a stream. */
export const NAMING: readonly OptionRow[] = [DEVICE, PREFIX];

/** Number of entries after which a command ends. */
export const COUNT: OptionRow = {
  flags: "--count <entries>",
  doc: "stop after this many entries",
  parse: parseCount,
};

/** Conflation: delivery of the newest entry only. */
export const LATEST: OptionRow = {
  flags: "--latest",
  doc: "deliver only the newest entry, skip older ones",
};

/** Streams that a pattern leaves out. */
export const EXCLUDE: OptionRow = {
  flags: "--exclude <pattern>",
  doc: "stream or pattern to leave out; may be repeated",
  parse: appendText,
};

/** Output as JSON, for scripts. */
export const JSON_OUTPUT: OptionRow = { flags: "--json", doc: "print JSON" };

/** Confirmation in advance, for scripts. */
export const YES: OptionRow = { flags: "-y, --yes", doc: "delete without a confirmation" };

/** Adds a repeated option's value to those before. */
export function appendText(text: string, before: unknown): readonly string[] {
  return [...(Array.isArray(before) ? before.map(String) : []), text];
}

/** Parses a number of entries. @throws Error */
export function parseCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new Error(`must be an integer of at least 1, got "${text}"`);
  return count;
}

/** Parses entries per second; 0 is without a limit. @throws Error */
export function parseRate(text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(rate <= 1e6)) throw new Error(`must be a number from 0 to 1000000, got "${text}"`);
  return rate;
}

/** Units of durations, ms. */
export const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const LONGEST_MS = 366 * 86_400_000;

/** Parses a duration such as `500ms`, `90s`, `5m`, `1h30m` or `2d`; a number without a unit is in seconds. @returns ms @throws Error */
export function parseDuration(text: string): number {
  const number = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? `${text}s` : text;
  const isValid = /^(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d))+$/.test(number);
  let ms = 0;
  for (const [, amount, unit = ""] of number.matchAll(/([\d.]+)(ms|s|m|h|d)/g))
    ms += Number(amount) * (UNIT_MS[unit] ?? 0);
  if (!isValid || !(ms > 0 && ms <= LONGEST_MS))
    throw new Error(`must be a duration such as 500ms, 90s, 5m, 1h30m or 2d, at most 366d, got "${text}"`);
  return ms;
}

/** Maximum size: 1 PiB. */
const MAX_SIZE_BYTES = 2 ** 50;
const UNIT_BYTES: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Parses a size such as `512m` or `2g`. @returns bytes @throws Error */
export function parseSize(text: string): number {
  const [, amount = "", unit = ""] = /^(\d{1,12}(?:\.\d{1,6})?)([kmg]?)b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(amount) * (UNIT_BYTES[unit.toLowerCase()] ?? 0));
  if (!(bytes >= 1 && bytes <= MAX_SIZE_BYTES))
    throw new Error(
      `must be a size in bytes such as 65536, 512m or 2g, at most ${MAX_SIZE_BYTES}, got "${text}"`,
    );
  return bytes;
}
