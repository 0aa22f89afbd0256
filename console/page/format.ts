/** Formats numbers, times and sizes as readable text. */

/** Formats a count with thousands separators. */
export const countText = (count: number): string => count.toLocaleString("en");

/** Formats a number: an integer in full, others with at most six digits. */
export function numberText(value: number | undefined): string {
  if (value === undefined) return "–";
  if (Number.isSafeInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e9 && size < 1e15) return value.toFixed(3);
  if (size >= 1e15 || size < 1e-4) return value.toExponential(3);
  return String(Number(value.toPrecision(6)));
}

/** Formats a rate per second. */
export const rateText = (perSecond: number | undefined): string =>
  perSecond === undefined ? "–" : perSecond >= 100 ? countText(Math.round(perSecond)) : perSecond.toFixed(1);

/** Formats a number of bytes. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Formats a duration. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** Formats a time with milliseconds; with its date if it is not today. */
export function timeText(ms: number, isUtc = false): string {
  const [day, time] = dayAndTime(ms, isUtc);
  return day === dayAndTime(Date.now(), isUtc)[0] ? time : `${day} ${time}`;
}

/** Returns the day, `2026-11-28`, and the time, `13:35:02.123`, of a moment. */
export function dayAndTime(ms: number, isUtc: boolean): readonly [day: string, time: string] {
  const offsetMs = isUtc ? 0 : new Date(ms).getTimezoneOffset() * 60_000;
  const shifted = new Date(ms - offsetMs);
  if (Number.isNaN(shifted.getTime())) return ["", String(ms)];
  const iso = shifted.toISOString();
  const at = iso.indexOf("T");
  return [iso.slice(0, at), iso.slice(at + 1, -1)];
}

/** Formats the local time of day, `13:35:02`. */
export const clockText = (time: Date): string => time.toTimeString().slice(0, 8);

/** Returns the milliseconds of an entry id; undefined for an empty id. */
export const msOfId = (id: string): number | undefined => (id === "" ? undefined : Number.parseInt(id, 10));

/** Returns the message of an error. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
