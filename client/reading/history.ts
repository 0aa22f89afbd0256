/** Reads a range of a stream's history page by page (`GET /data/{stream_id}/entries`). */
import { excluding, pathSegment } from "../gateway/address.ts";
import { type CommonOptions, type Gateway, namingQuery } from "../gateway/gateway.ts";
import { checkOptions, type OptionNames } from "../gateway/options.ts";
import { request } from "../gateway/request.ts";
import { createPulledEntry, type PulledEntry } from "./entry.ts";
import { decodeBatch } from "./msgpack.ts";

/** A range of entries and its order. */
export interface RangeOptions extends Pick<CommonOptions, "device" | "prefix" | "signal"> {
  /** First entry: an entry id, Unix ms, an ISO 8601 time, or `-` for the oldest; a leading `(` makes it exclusive. @default "-" */
  readonly start?: string | undefined;
  /** Last entry, in the same forms, or `+` for the newest. @default "+" */
  readonly end?: string | undefined;
  /** Whether `*` in the stream name or in the device makes a pattern; if false, it is a literal character. @default true */
  readonly pattern?: boolean | undefined;
  /** Names and patterns of streams to exclude from those of a pattern. */
  readonly exclude?: string | readonly string[] | undefined;
  /** Whether the newest entry is first. @default false */
  readonly reverse?: boolean | undefined;
  /** Maximum number of entries. @default no limit */
  readonly count?: number | undefined;
  /** Maximum number of entries per request. @default 100 */
  readonly pageCount?: number | undefined;
}

const RANGE_OPTIONS: OptionNames<RangeOptions> = {
  ...{ device: true, prefix: true, signal: true },
  ...{ start: true, end: true, reverse: true, count: true, pageCount: true, pattern: true, exclude: true },
};

/**
 * Reads a range of the history of a stream, or of a pattern's streams in the order of ids. The next page is requested when the loop reaches its end.
 *
 * @throws StreamerError inside the loop; the signal's reason if it was aborted
 */
export async function* readEntries(
  gateway: Gateway,
  stream: string,
  range: RangeOptions,
): AsyncGenerator<PulledEntry, void, undefined> {
  checkOptions(range, RANGE_OPTIONS);
  const {
    start = "-",
    end = "+",
    reverse = false,
    count,
    pageCount = 100,
    pattern,
    exclude,
    signal,
    ...naming
  } = range;
  let left = count ?? Number.POSITIVE_INFINITY;
  let from = start;
  let to = end;
  while (left > 0) {
    const wanted = Math.min(left, pageCount);
    const url = gateway.address.http(`data/${pathSegment([stream])}/entries`, {
      format: "msgpack",
      start: from,
      end: to,
      count: wanted,
      reverse: reverse || undefined,
      pattern: pattern === false ? false : undefined,
      ...namingQuery(naming),
    });
    const { headers, body } = await request(gateway, excluding(url, exclude), { signal });
    const page = decodeBatch(body);
    // A page of several streams may be longer than requested.
    for (const entry of page.slice(0, left)) yield createPulledEntry(entry, false);
    left -= page.length;
    const last = page.at(-1);
    // A page of large entries may be shorter than requested. The Link header is present if there is another page.
    if (last === undefined || !headers.has("link")) return;
    if (reverse) to = `(${last.id}`;
    else from = `(${last.id}`;
  }
}
