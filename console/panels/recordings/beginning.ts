/** Beginning of a recording: now, the moment that the workspace shows, or the oldest stored entry. */
import { msOfId } from "../../page/format.ts";

/** Beginning that the user selects. */
export type Beginning = "now" | "moment" | "stored";

/** Last sequence number of a millisecond. */
const LAST_SEQUENCE = "18446744073709551615";

/**
 * Returns the beginnings on offer, the first one as the default.
 *
 * @param position shown moment of the past; undefined while it is live
 */
export const beginnings = (position: string | undefined): readonly Beginning[] =>
  position === undefined ? ["now", "stored"] : ["moment", "now", "stored"];

/** Returns the cursor after which the recording begins: entries of the shown millisecond are included. */
export function cursorOf(beginning: Beginning, position: string | undefined): string {
  const ms = beginning === "moment" && position !== undefined ? (msOfId(position) ?? 0) : 0;
  if (ms > 0) return `${ms - 1}-${LAST_SEQUENCE}`;
  return beginning === "now" ? "$" : "0";
}
