/** Range of the time bar, and positions that the user types. */

/** Selectable lengths of the range, ms; `all` is everything that the visible streams store. */
export const SPANS = [
  { id: "all", title: "All", ms: Number.POSITIVE_INFINITY },
  { id: "24h", title: "24 h", ms: 86_400_000 },
  { id: "1h", title: "1 h", ms: 3_600_000 },
  { id: "10m", title: "10 min", ms: 600_000 },
  { id: "1m", title: "1 min", ms: 60_000 },
  { id: "5s", title: "5 s", ms: 5000 },
] as const;

/** A range, Unix ms. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
}

/** Returns the part of the stored range that the bar shows: it ends at the end of the range, or is centred on the position. */
export function shownRange(stored: TimeRange, spanMs: number, positionMs: number | undefined): TimeRange {
  if (stored.end - stored.start <= spanMs) return stored;
  const middle = positionMs === undefined ? stored.end : positionMs + spanMs / 2;
  const end = Math.round(Math.min(stored.end, Math.max(stored.start + spanMs, middle)));
  return { start: Math.round(end - spanMs), end };
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Parses a position: an entry id or Unix ms, a time of today (`13:05:20.5`), an ISO 8601 time, or relative to the shown time
 * (`-30s`, `+2m`, `-1h`).
 *
 * @returns Unix ms or an entry id; undefined if it is none of them
 */
export function parsePosition(text: string, nowMs: number, isUtc: boolean): string | undefined {
  const input = text.trim();
  if (/^\d{9,}(-\d+)?$/.test(input)) return input;
  const [, sign, amount, unit = ""] = /^([+-])(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(input) ?? [];
  if (sign !== undefined)
    return positive(nowMs + (sign === "-" ? -1 : 1) * Number(amount) * (UNITS[unit] ?? 0));
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/.exec(input);
  if (clock !== null) {
    const [, hours, minutes, seconds = "0", parts = "0"] = clock;
    const day = new Date(nowMs);
    const values = [Number(hours), Number(minutes), Number(seconds), Number(parts.padEnd(3, "0"))] as const;
    return positive(isUtc ? day.setUTCHours(...values) : day.setHours(...values));
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(input)) return undefined;
  const hasZone = /(z|[+-]\d{2}:?\d{2})$/i.test(input);
  const isDay = input.length === 10;
  const iso = input.replace(" ", "T") + (isDay ? "T00:00" : "");
  return positive(Date.parse(hasZone || !isUtc ? iso : `${iso}Z`));
}

const positive = (ms: number): string | undefined => (ms >= 0 ? String(Math.round(ms)) : undefined);
