/** `Retry-After` of error responses (RFC 9110, section 10.2.3). */
import type { GatewayError } from "../../../domain/errors.ts";

/** Default `Retry-After`, in s. */
export const RETRY_AFTER_SECONDS = 1;

/** Returns the `Retry-After` of an error in s; undefined if a retry cannot succeed. */
export function retryAfterSeconds({ kind, retryAfterMs }: GatewayError): number | undefined {
  if (!kind.retryable) return undefined;
  return retryAfterMs === undefined ? RETRY_AFTER_SECONDS : Math.ceil(retryAfterMs / 1000);
}
