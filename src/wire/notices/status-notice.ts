/**
 * Status notices: report to clients that request `status=1` that Redis is unavailable or available again. Their structure
 * differs from every list of entries and every acknowledgement:
 *
 *     {"status": {"redis": "unavailable", "since": "2026-11-28T13:35:02.123Z"}}
 *     {"status": {"redis": "available"}}
 */

/** Returns the notice. @param unavailableSince undefined if Redis is available */
export const statusOf = (unavailableSince: Date | undefined) => ({
  status:
    unavailableSince === undefined
      ? { redis: "available" }
      : { redis: "unavailable", since: unavailableSince.toISOString() },
});

/** A decoded notice: the time since which Redis has been unavailable; undefined if it is available. */
export interface StatusNotice {
  readonly unavailableSince: Date | undefined;
}

/** Reads a notice. @param status reads a field of the value of `status` @returns undefined if it is not a notice */
export function readStatus(status: (field: string) => unknown): StatusNotice | undefined {
  const redis = status("redis");
  if (redis === "available") return { unavailableSince: undefined };
  const since = status("since");
  const at = typeof since === "string" ? new Date(since) : undefined;
  return redis === "unavailable" && at !== undefined && !Number.isNaN(at.getTime())
    ? { unavailableSince: at }
    : undefined;
}
