/** Formats numbers as readable text. */

const count = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Formats an integer with thousands separators: `12,345`. */
export const countText = (value: number): string => count.format(value);

/** Formats a number of entries: `1 entry`, `12,345 entries`. */
export const entriesText = (value: number): string =>
  value === 1 ? "1 entry" : `${countText(value)} entries`;

/** Formats a rate: `29.8/s`, without decimals from 100. */
export const rateText = (perSecond: number): string =>
  `${perSecond < 100 ? decimal.format(perSecond) : count.format(perSecond)}/s`;

/** Formats a size in decimal units: `873 B`, `1.2 kB`, `5.6 MB`, `7.8 GB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1e3) return `${count.format(bytes)} B`;
  if (bytes < 1e6) return `${decimal.format(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${decimal.format(bytes / 1e6)} MB` : `${decimal.format(bytes / 1e9)} GB`;
}

/** Formats bytes per second, always in MB/s so that the unit does not change: `0.003 MB/s`, `12.4 MB/s`. */
export function throughputText(bytesPerSecond: number): string {
  const megabytes = bytesPerSecond / 1e6;
  return `${megabytes < 0.1 ? megabytes.toFixed(3) : decimal.format(megabytes)} MB/s`;
}

/** Formats a duration: `850 ms` below ten seconds, else `12.3 s`. */
export const durationText = (ms: number): string =>
  Math.abs(ms) < 10_000 ? `${Math.round(ms)} ms` : `${decimal.format(ms / 1e3)} s`;

/** Formats a time span by its largest units: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function ageText(ms: number): string {
  const seconds = ms / 1e3;
  if (seconds < 10) return `${decimal.format(seconds)} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${count.format(Math.floor(whole / 86_400))} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}
