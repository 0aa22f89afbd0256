/** Failures of recordings, such as a full disk: their messages, and which of them are retried. */
import { GatewayError } from "../../domain/errors.ts";

/** Returns the message of a failure for the client. */
export function failureMessage(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return `the disk is full: ${error.message}`;
    case "EFBIG":
      return `the file has reached the size that the system permits: ${error.message}`;
    default:
      return error.message;
  }
}

/** Whether a recording that cannot continue may try again. */
export const isRetryable = (error: unknown): boolean =>
  error instanceof GatewayError && error.code !== "INTERNAL" && error.kind.retryable;
