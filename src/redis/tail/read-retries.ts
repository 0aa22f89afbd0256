/** Retries of reads that Redis rejected for a temporary reason, unrelated to the stream. */
import { ReplyError } from "../resp/reader.ts";

/** Time (ms) between the rejection of a read and its retry. */
const RETRY_MS = 1000;

/** Streams whose reads are to be retried. */
export interface ReadRetries {
  add(key: string): void;
  close(): void;
}

/**
 * Whether a rejected read may succeed later although its stream does not change: memory is full (`OOM`), a script is
 * running (`BUSY`), a replica lost its master (`MASTERDOWN`). A key of another type becomes readable only by a change,
 * which an invalidation message reports.
 */
export const isTemporary = (error: Error): boolean =>
  error instanceof ReplyError && error.code !== "WRONGTYPE" && error.code !== "NOPERM";

/** Creates the retries of a tail. @param retry called with the streams that are due */
export function createReadRetries(retry: (keys: ReadonlySet<string>) => void): ReadRetries {
  let waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  return {
    add(key) {
      waiting.add(key);
      timer ??= setTimeout(() => {
        timer = undefined;
        const due = waiting;
        waiting = new Set();
        retry(due);
      }, RETRY_MS);
    },
    close: () => clearTimeout(timer),
  };
}
