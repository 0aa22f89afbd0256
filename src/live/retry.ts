/** What a reader does when Redis does not answer: it waits and reads on where it was, unless waiting cannot help. */
import { asGatewayError } from "../domain/errors.ts";

const RETRY_MS = 200;

/** Calls `again` after a moment where the error may pass by itself, else `fail`. */
export function retryLater(error: unknown, fail: (error: unknown) => void, again: () => void): void {
  if (asGatewayError(error).kind.retryable && asGatewayError(error).code !== "INTERNAL")
    setTimeout(again, RETRY_MS * (0.5 + Math.random()));
  else fail(error);
}
