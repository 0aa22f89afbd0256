/** Formats numbers as readable text. */

const count = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Formats an integer with thousands separators: `12,345`. */
export const countText = (value: number): string => count.format(value);

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
