/** Retention limits of streams: defaults from the settings, overridden by members of the stream's metadata. */
import { shown } from "../shown.ts";

/** Limits of a stream, all approximate; 0 means unlimited. */
export interface RetentionLimits {
  readonly maxEntries: number;
  readonly maxAgeMs: number;
  /** Payload bytes. */
  readonly maxBytes: number;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration with its unit, `500ms`, `90s`, `15m`, `24h`, `7d`, or `0`. @returns ms; undefined if it is not one */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const [, digits, unit = ""] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS_MS[unit] ?? Number.NaN);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

const SIZES: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function parseSize(value: unknown): number | undefined {
  if (isCount(value)) return value;
  const [, digits, suffix = ""] =
    typeof value === "string" ? (/^(\d{1,12})([kmg]?)$/i.exec(value) ?? []) : [];
  const bytes = Number(digits) * (SIZES[suffix.toLowerCase()] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** Limits found in metadata, and a list of invalid members. */
export interface ReadRetention {
  readonly limits: Partial<RetentionLimits>;
  /** One message per invalid member; each begins with the member's name. */
  readonly problems: readonly string[];
}

/** Reads `maxEntries`, `maxAge` and `maxBytes` from a stream's metadata (any JSON). Invalid members have no effect. */
export function readRetention(meta: unknown): ReadRetention {
  const members: Readonly<Record<string, unknown>> =
    typeof meta === "object" && meta !== null && !Array.isArray(meta) ? { ...meta } : {};
  const problems: string[] = [];
  const member = <T>(
    name: string,
    parse: (value: unknown) => T | undefined,
    allowed: string,
  ): T | undefined => {
    const value = members[name];
    if (value === undefined || value === null) return undefined;
    const parsed = parse(value);
    if (parsed === undefined) problems.push(`${name} must be ${allowed}, got ${shown(value)}`);
    return parsed;
  };
  const maxEntries = member(
    "maxEntries",
    (value) => (isCount(value) ? value : undefined),
    "a non-negative integer",
  );
  const maxAgeMs = member(
    "maxAge",
    (value) => (typeof value === "string" ? parseDuration(value) : value === 0 ? 0 : undefined),
    'a duration with a unit, such as "90s" or "24h"',
  );
  const maxBytes = member("maxBytes", parseSize, 'a number of bytes, or a size such as "64m"');
  return {
    limits: {
      ...(maxEntries !== undefined && { maxEntries }),
      ...(maxAgeMs !== undefined && { maxAgeMs }),
      ...(maxBytes !== undefined && { maxBytes }),
    },
    problems,
  };
}
