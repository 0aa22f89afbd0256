/** Failures of recordings, such as a full disk: their messages, and which of them are retried. */
import { GatewayError } from "../../domain/errors.ts";
import { sleep } from "../../domain/scheduling/sleep.ts";

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

/** Time in ms before a recording that could not continue, because Redis is unavailable, tries again. */
const RETRY_MS = 1000;

/** Events of retries. */
interface RetryEvents {
  /** Whether no further attempt is needed. */
  readonly isOver: () => boolean;
  /** @param problem why the last attempt failed */
  readonly onWait: (problem: string) => void;
}

/** Repeats an attempt while Redis is unavailable. @returns whether it succeeded @throws its error if it is another one */
export async function retried(
  attempt: () => Promise<void>,
  { isOver, onWait }: RetryEvents,
): Promise<boolean> {
  while (!isOver()) {
    try {
      await attempt();
      return true;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      onWait((error as Error).message);
      await sleep(RETRY_MS);
    }
  }
  return false;
}

/** Whether a recording that cannot continue may try again. */
export const isRetryable = (error: unknown): boolean =>
  error instanceof GatewayError && error.code !== "INTERNAL" && error.kind.retryable;
