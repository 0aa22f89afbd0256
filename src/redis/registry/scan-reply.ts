/** Parser of `SCAN` and `SSCAN` replies: the next cursor, and the names of one step. */
import type { Reply } from "../resp/reader.ts";

/** The result of one step. */
export interface ScanStep {
  /** The cursor of the next step; `0` after the last one. */
  readonly next: string;
  readonly names: readonly Buffer[];
}

/** Parses a reply. @throws Error if it has no cursor */
export function scanReply(reply: Reply): ScanStep {
  const [next, names] = Array.isArray(reply) ? reply : [];
  if (!Buffer.isBuffer(next) || !Array.isArray(names))
    throw new Error("Redis replied to SCAN without a cursor");
  return { next: next.toString("latin1"), names: names.filter((name) => Buffer.isBuffer(name)) };
}
