/** One read for one answer: what is there now, or the first that comes within a time. */
import type { StreamEntries } from "../../domain/entry.ts";
import type { Encoder } from "../../live/encoder.ts";
import type { Subscribe, SubscribedStream } from "../../live/subscription.ts";

/** What is to be read. */
export interface ReadOnceOptions {
  readonly streams: readonly SubscribedStream[];
  /** Most entries of each stream. */
  readonly count: number;
  readonly latest: boolean;
  /** How long to wait for a first entry, in ms; 0 does not wait. */
  readonly blockMs: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** Entries as they are: nothing is framed before it is known how much of them fits. */
const asTheyAre: Encoder<readonly StreamEntries[]> = { encode: (streams) => streams };

/** Reads once. @throws GatewayError */
export function readOnce(
  subscribe: Subscribe,
  { streams, count, latest, blockMs, signal }: ReadOnceOptions,
): Promise<readonly StreamEntries[]> {
  return new Promise((resolve, reject) => {
    let found: readonly StreamEntries[] = [];
    let timer: NodeJS.Timeout | undefined;
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      subscription.close();
      resolve(found);
    };
    const subscription = subscribe({
      streams,
      encoder: asTheyAre,
      turns: { count, latest, fresh: true, untilEnd: blockMs === 0 },
      sink: {
        write(entries) {
          found = entries;
        },
        isFull: () => false,
        whenDrained: () => undefined,
      },
      onFrame: finish,
      onCaughtUp() {
        if (blockMs === 0) finish();
      },
      onError(error) {
        clearTimeout(timer);
        signal.removeEventListener("abort", finish);
        reject(error);
      },
    });
    if (signal.aborted) finish();
    else signal.addEventListener("abort", finish);
    if (blockMs > 0) timer = setTimeout(finish, blockMs);
  });
}
