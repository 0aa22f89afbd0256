/** Retry of failed reads: the reader waits and continues from its cursor, unless the error is permanent. */
import { asGatewayError } from "../domain/errors.ts";

const RETRY_MS = 200;

/** Calls `again` after a delay if the error is temporary, else `fail`, also with an exception of `again`. */
export function retryLater(error: unknown, fail: (error: unknown) => void, again: () => void): void {
  const { kind, code } = asGatewayError(error);
  if (!kind.retryable || code === "INTERNAL") {
    fail(error);
    return;
  }
  setTimeout(
    () => {
      try {
        again();
      } catch (exception) {
        fail(exception);
      }
    },
    RETRY_MS * (0.5 + Math.random()),
  );
}
