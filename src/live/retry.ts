/** Retry of failed reads: the reader waits and continues from its cursor, unless the error is permanent. */
import { asGatewayError } from "../domain/errors.ts";

const RETRY_MS = 200;

/** Calls `again` after a delay if the error is temporary, else `fail`. */
export function retryLater(error: unknown, fail: (error: unknown) => void, again: () => void): void {
  if (asGatewayError(error).kind.retryable && asGatewayError(error).code !== "INTERNAL")
    setTimeout(again, RETRY_MS * (0.5 + Math.random()));
  else fail(error);
}
