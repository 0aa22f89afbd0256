/** History as a loop: a range of a stream, page by page (`GET /data/{stream_id}/entries`). */
import { streamsSegment } from "./address.ts";
import { decodeBatch } from "./codec.ts";
import { createPulledEntry, type PulledEntry } from "./entry.ts";
import { type CommonOptions, type Gateway, namingQuery } from "./gateway.ts";
import { checkOptions, type OptionNames } from "./options.ts";
import { request } from "./request.ts";

/** Which entries, and in which order. */
export interface RangeOptions extends Pick<CommonOptions, "device" | "prefix" | "signal"> {
  /** From here on: an entry id, milliseconds, an ISO 8601 time, or `-`; `(` before it leaves it out. @default "-" */
  readonly start?: string | undefined;
  /** Up to here, likewise, or `+`. @default "+" */
  readonly end?: string | undefined;
  /** Newest first. @default false */
  readonly reverse?: boolean | undefined;
  /** Most entries in all. @default no limit */
  readonly count?: number | undefined;
  /** Most entries of one request. @default 100 */
  readonly pageCount?: number | undefined;
}

const RANGE_OPTIONS: OptionNames<RangeOptions> = {
  ...{ device: true, prefix: true, signal: true },
  ...{ start: true, end: true, reverse: true, count: true, pageCount: true },
};

/**
 * Reads a range of a stream's history. The next page is asked for when the loop comes to it.
 *
 * @throws StreamerError at the loop; the signal's reason where it was aborted
 */
export async function* readEntries(
  gateway: Gateway,
  stream: string,
  range: RangeOptions,
): AsyncGenerator<PulledEntry, void, undefined> {
  checkOptions(range, RANGE_OPTIONS);
  const { start = "-", end = "+", reverse = false, count, pageCount = 100, signal, ...naming } = range;
  let left = count ?? Number.POSITIVE_INFINITY;
  let from = start;
  let to = end;
  while (left > 0) {
    const wanted = Math.min(left, pageCount);
    const url = gateway.address.http(`data/${streamsSegment([stream])}/entries`, {
      format: "msgpack",
      start: from,
      end: to,
      count: wanted,
      reverse: reverse || undefined,
      ...namingQuery(naming),
    });
    const { headers, body } = await request(gateway, url, { signal });
    const page = decodeBatch(body);
    for (const entry of page) yield createPulledEntry(entry, false);
    left -= page.length;
    const last = page.at(-1);
    // A page may be shorter than asked for, where entries are large; the link says whether there is another one.
    if (last === undefined || !headers.has("link")) return;
    if (reverse) to = `(${last.id}`;
    else from = `(${last.id}`;
  }
}
