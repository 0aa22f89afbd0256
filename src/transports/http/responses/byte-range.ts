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
 * @returns `"unsatisfiable"` if the range begins after the end; undefined for the whole body: without the header, for an
 *   invalid one, and for several ranges, as the RFC permits
 */
export function parseRange(
  header: string | undefined,
  length: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, from = "", to = ""] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") {
    // The last `to` bytes.
    const bytes = Math.min(Number(to), length);
    return bytes === 0 ? "unsatisfiable" : { first: length - bytes, last: length - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return undefined;
  if (first >= length) return "unsatisfiable";
  return { first, last: to === "" ? length - 1 : Math.min(Number(to), length - 1) };
}

/** Whether an `If-None-Match` header names an entity tag, by weak comparison (RFC 9110, section 13.1.2). */
export const matchesEtag = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  (header.trim() === "*" || header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag));
