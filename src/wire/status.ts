/**
 * The notice that Redis does not answer, or answers again, for clients that request it with `status=1`. It has a shape that
 * no list of entries and no acknowledgement has:
 *
 *     {"status": {"redis": "unavailable", "since": "2026-11-28T13:35:02.123Z"}}
 *     {"status": {"redis": "available"}}
 */

/** The notice. @param unavailableSince undefined where Redis answers */
export const statusOf = (unavailableSince: Date | undefined) => ({
  status:
    unavailableSince === undefined
      ? { redis: "available" }
      : { redis: "unavailable", since: unavailableSince.toISOString() },
});

/** What a notice says: since when Redis has not answered, or undefined where it does. */
export interface StatusNotice {
  readonly unavailableSince: Date | undefined;
}

/** Reads what `statusOf` made. @param status the value of its key `status`, by field @returns undefined of anything else */
export function readStatus(status: (field: string) => unknown): StatusNotice | undefined {
  const redis = status("redis");
  if (redis === "available") return { unavailableSince: undefined };
  const since = status("since");
  const at = typeof since === "string" ? new Date(since) : undefined;
  return redis === "unavailable" && at !== undefined && !Number.isNaN(at.getTime())
    ? { unavailableSince: at }
    : undefined;
}
