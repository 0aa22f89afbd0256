/** Selects the tail that the server supports: tracking if possible, otherwise blocking. */
import type { EntryId } from "../../domain/entry-id.ts";
import type { Connection } from "../resp/connection.ts";
import { BlockingTail } from "./blocking-tail.ts";
import type { Tail } from "./tail.ts";
import { type TailOptions, TrackingTail } from "./tracking-tail.ts";

/** `REDIS_TAIL`. */
export type TailMode = "auto" | "tracking" | "blocking";

/** Opens the tail. With `auto`, a server without tracking gets the blocking tail, which takes over all positions. */
export function openTail(
  mode: TailMode,
  { control, ...options }: TailOptions & { readonly control: Connection },
): Tail {
  const { logger, onReads } = options;
  if (mode === "blocking") return new BlockingTail({ ...options, control });
  if (mode === "tracking") {
    return new TrackingTail({
      ...options,
      onUnsupported: (reason) =>
        logger.error(
          { reason },
          "Redis does not support REDIS_TAIL=tracking; live entries are not delivered",
        ),
    });
  }

  const positions = new Map<string, EntryId>();
  let tail: Tail = new TrackingTail({
    ...options,
    onReads(reads) {
      for (const { key, entries } of reads) {
        const last = entries[entries.length - 1];
        if (last !== undefined && positions.has(key)) positions.set(key, last.id);
      }
      return onReads(reads);
    },
    onUnsupported(reason) {
      logger.info(
        { reason },
        "Redis does not support client tracking; using blocking reads for live entries",
      );
      tail.close();
      tail = new BlockingTail({ ...options, control });
      for (const [key, after] of positions) tail.watch(key, after);
    },
  });
  return {
    noticesRemovals: () => tail.noticesRemovals(),
    watch(key, after) {
      positions.set(key, after);
      tail.watch(key, after);
    },
    unwatch(key) {
      positions.delete(key);
      tail.unwatch(key);
    },
    close: () => tail.close(),
  };
}
