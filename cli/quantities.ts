/** Numbers as people read them. */

const count = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A whole number with its thousands marked: `12,345`. */
export const countText = (value: number): string => count.format(value);

/** A rate: `29.8/s`, whole from 100 on. */
export const rateText = (perSecond: number): string =>
  `${perSecond < 100 ? decimal.format(perSecond) : count.format(perSecond)}/s`;

/** A size in decimal units: `873 B`, `1.2 kB`, `5.6 MB`, `7.8 GB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1e3) return `${count.format(bytes)} B`;
  if (bytes < 1e6) return `${decimal.format(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${decimal.format(bytes / 1e6)} MB` : `${decimal.format(bytes / 1e9)} GB`;
}

/** Bytes a second, always in MB/s so that it does not jump: `0.003 MB/s`, `12.4 MB/s`. */
export function throughputText(bytesPerSecond: number): string {
  const megabytes = bytesPerSecond / 1e6;
  return `${megabytes < 0.1 ? megabytes.toFixed(3) : decimal.format(megabytes)} MB/s`;
}

/** A time: `850 ms` below ten seconds, `12.3 s` from there. */
export const durationText = (ms: number): string =>
  Math.abs(ms) < 10_000 ? `${Math.round(ms)} ms` : `${decimal.format(ms / 1e3)} s`;
