/** Density of the visible streams: where entries are stored. Read from the gateway, for the strip of the time bar. */
import { isObject } from "../../client/gateway/graphql.ts";

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
