/** Range requests (RFC 9110, section 14): one range of bytes of a body. */

/** First and last byte of a range, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Parses a `Range` header.
 *
 * @param length size of the body
 * @returns `"unsatisfiable"` if the range begins after the end, or has no bytes; undefined for the whole body: without the header,
 *   for an invalid one, and for several ranges, as the RFC permits
 */
export function parseRange(
  header: string | undefined,
  length: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, set = ""] = /^bytes=(.*)$/is.exec(header ?? "") ?? [];
  // A list may have empty elements (RFC 9110, section 5.6.1.2).
  const [range = "", ...others] = set.split(",").filter((one) => one.trim() !== "");
  const [, from = "", to = ""] = /^(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (others.length > 0 || (from === "" && to === "")) return undefined;
  // Numbers over 2^53 are rounded, and very long ones become Infinity. Both are beyond the end of every body.
  const last = to === "" ? Number.POSITIVE_INFINITY : Number(to);
  if (from === "") {
    // The last `last` bytes. An empty body has no range that Content-Range could describe, so all of it is sent.
    if (last === 0) return "unsatisfiable";
    return length === 0 ? undefined : { first: Math.max(0, length - last), last: length - 1 };
  }
  const first = Number(from);
  if (last < first) return undefined;
  return first >= length ? "unsatisfiable" : { first, last: Math.min(last, length - 1) };
}

/** Whether an `If-None-Match` header names an entity tag, by weak comparison (RFC 9110, section 13.1.2). */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  (header.trim() === "*" || header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag));
