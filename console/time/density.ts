/** Density of the visible streams: where entries are stored. Read from the gateway, for the strip of the time bar. */
import { isObject } from "../../client/gateway/graphql.ts";
import { countText, spanText, timeText } from "../page/format.ts";
import type { TimeRange } from "./time-range.ts";

/** Density of one stream. */
export interface StreamDensity {
  readonly key: string;
  /** Entries per bucket. */
  readonly entries: readonly number[];
  /** Whether entries at the beginning were trimmed. */
  readonly hasGap: boolean;
}

/** Densities over a range of time. */
export interface Density {
  /** Unix ms; `end` is not included. */
  readonly start: number;
  readonly end: number;
  readonly streams: readonly StreamDensity[];
}

/** Maximum number of streams in the strip. */
const MAX_STREAMS = 8;
const BUCKETS = 240;

/**
 * Returns the keys of the open streams that are listed. The gateway rejects a request for others: they do not exist, or the
 * user may not read them.
 */
export function listedKeys(
  open: readonly { readonly key: string }[],
  listed: readonly { readonly key: string }[] | undefined,
): readonly string[] {
  const known = new Set(listed?.map(({ key }) => key));
  return open
    .map(({ key }) => key)
    .filter((key) => known.has(key))
    .slice(0, MAX_STREAMS);
}

/** Returns the path of the request. */
export function densityPath(keys: readonly string[], start: number, end: number): string {
  const names = keys.map(encodeURIComponent).join("+");
  return `data/${names}/density?device_id=&pattern=0&buckets=${BUCKETS}&start=${start}&end=${end}`;
}

/** Reads a response; undefined if it has another form. */
export function parseDensity(value: unknown): Density | undefined {
  if (!isObject(value) || !Array.isArray(value.streams)) return undefined;
  const { start, end } = value;
  if (typeof start !== "number" || typeof end !== "number" || end <= start) return undefined;
  const streams = value.streams.filter(isObject).map((one) => ({
    key: String(one.stream_id),
    entries: Array.isArray(one.entries) ? one.entries.map(Number) : [],
    hasGap: Array.isArray(one.gaps) && one.gaps.length > 0,
  }));
  return { start, end, streams };
}

/** Returns how full each bucket is, from 0 to 1. A logarithm keeps sparse streams visible. */
export function fillOf(entries: readonly number[]): readonly number[] {
  const max = Math.log1p(Math.max(1, ...entries));
  return entries.map((count) => (count > 0 ? 0.25 + 0.75 * (Math.log1p(count) / max) : 0));
}

/** Explains the strip. */
export const DENSITY_HINT =
  "Where the open streams store entries, a line each. The stronger the colour, the more entries.";

/** Point of the strip: parts of its width and height, 0 to 1. */
export interface StripPoint {
  readonly x: number;
  readonly y: number;
}

const bucketText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : spanText(ms));

/** Describes a point of the strip: the stream of the line, and its entries in the bucket. */
export function densityText(
  density: Density | undefined,
  range: TimeRange | undefined,
  { x, y }: StripPoint,
  isUtc: boolean,
): string {
  const stream = density?.streams[Math.floor(y * density.streams.length)];
  if (density === undefined || stream === undefined || range === undefined) return DENSITY_HINT;
  const bucketMs = (density.end - density.start) / Math.max(1, stream.entries.length);
  const atMs = range.start + x * (range.end - range.start);
  const bucket = Math.floor((atMs - density.start) / bucketMs);
  const count = stream.entries[bucket];
  if (count === undefined) return DENSITY_HINT;
  const from = timeText(Math.round(density.start + bucket * bucketMs), isUtc);
  const entries = count === 1 ? "1 entry" : `${countText(count)} entries`;
  const gap = stream.hasGap ? "\nRed: earlier entries were trimmed." : "";
  return `${stream.key}: ${entries} in ${bucketText(bucketMs)} from ${from}\n${DENSITY_HINT}${gap}`;
}
