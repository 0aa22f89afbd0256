/** Content negotiation by `Accept` and `Content-Type` (RFC 9110, sections 8.3.1 and 12.5.1). */
import { parse } from "content-type";
import {
  type BodyFormat,
  CLEAN_FORMAT_NAMES,
  type CleanFormatName,
  cleanFormat,
  RAW_TYPE,
} from "../../wire/formats.ts";

const CLEAN_TYPES: ReadonlyMap<string, BodyFormat> = new Map(
  CLEAN_FORMAT_NAMES.map((name) => [cleanFormat(name).mediaType, name]),
);

// Most requests name no clean type, so their headers are not parsed.
const NAMES_CLEAN_TYPE = new RegExp([...CLEAN_TYPES.keys()].join("|"), "i");

/** One member of an `Accept` header. */
interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

/**
 * Selects the format of a response body by `Accept`. A clean format is used only if the client prefers it to the default,
 * raw bytes: libraries such as axios send JSON, text and a wildcard with every request, and their callers
 * expect bytes.
 */
export function acceptedFormat(accept: string | undefined): BodyFormat {
  if (accept === undefined || !NAMES_CLEAN_TYPE.test(accept)) return "raw";
  const ranges = parseAccept(accept);
  let best: BodyFormat = "raw";
  let bestWeight = weightOf(ranges, RAW_TYPE);
  for (const [type, format] of CLEAN_TYPES) {
    const weight = weightOf(ranges, type);
    if (weight <= bestWeight) continue;
    best = format;
    bestWeight = weight;
  }
  return best;
}

/** Selects the clean format of a response body by `Accept`. @param usual used if the client prefers none */
export function acceptedCleanFormat(accept: string | undefined, usual: CleanFormatName): CleanFormatName {
  const format = acceptedFormat(accept);
  return format === "raw" ? usual : format;
}

/** Whether a client prefers an HTML page: `Accept` names `text/html`, with at least the weight of JSON. */
export function acceptsPage(accept: string | undefined): boolean {
  if (accept === undefined || !/text\/html/i.test(accept)) return false;
  const ranges = parseAccept(accept);
  const weight = weightOf(ranges, "text/html");
  return weight > 0 && weight >= weightOf(ranges, "application/json");
}

/** Returns the media type of a `Content-Type` header in lower case, without parameters; empty if the header is absent. */
export const mediaTypeOf = (contentType: string | undefined): string =>
  contentType === undefined ? "" : parse(contentType, { parameters: false }).type.toLowerCase();

/** Returns the body format that a `Content-Type` header names. */
export const contentFormat = (contentType: string | undefined): BodyFormat =>
  CLEAN_TYPES.get(mediaTypeOf(contentType)) ?? "raw";

/** Parses the members of an `Accept` header. Invalid members are ignored. */
function parseAccept(header: string): readonly MediaRange[] {
  const ranges: MediaRange[] = [];
  for (let start = 0; start < header.length; ) {
    const { type, parameters, index } = parse(header, { comma: true, start });
    const weight = weightFrom(parameters.q);
    if (type.includes("/") && weight !== undefined) ranges.push({ type: type.toLowerCase(), weight });
    start = Math.max(index, start) + 1;
  }
  return ranges;
}

function weightFrom(q: string | undefined): number | undefined {
  if (q === undefined) return 1;
  const weight = Number(q.trim() === "" ? Number.NaN : q);
  return weight >= 0 && weight <= 1 ? weight : undefined;
}

/**
 * Returns the weight of a media type: the weight of the most specific matching range, or 0. Parameters other than `q`
 * are ignored, because each type has one representation: `application/json;odata=verbose` matches JSON.
 */
function weightOf(ranges: readonly MediaRange[], type: string): number {
  const family = `${type.slice(0, type.indexOf("/"))}/*`;
  for (const pattern of [type, family, "*/*"]) {
    const weights = ranges.filter((range) => range.type === pattern).map(({ weight }) => weight);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}
