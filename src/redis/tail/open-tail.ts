/** Chooses the tail that the server can do: tracking where it is there, blocking where it is not. */
import type { EntryId } from "../../domain/entry-id.ts";
import type { Connection } from "../resp/connection.ts";
import { openBlockingTail } from "./blocking-tail.ts";
import type { Tail } from "./tail.ts";
import { openTrackingTail, type TailOptions } from "./tracking-tail.ts";

/** `REDIS_TAIL`. */
export type TailMode = "auto" | "tracking" | "blocking";

/** Opens the tail. With `auto` a server that refuses tracking gets the blocking one, and keeps every position. */
export function openTail(
  mode: TailMode,
  { control, ...options }: TailOptions & { readonly control: Connection },
): Tail {
  const { logger, onReads } = options;
  if (mode === "blocking") return openBlockingTail({ ...options, control });
  if (mode === "tracking") {
    return openTrackingTail({
      ...options,
      onUnsupported: (reason) =>
        logger.error({ reason }, "Redis cannot do REDIS_TAIL=tracking; live entries will not come"),
    });
  }

  const positions = new Map<string, EntryId>();
  let tail = openTrackingTail({
    ...options,
    onReads(reads) {
      for (const { key, entries } of reads) {
        const last = entries[entries.length - 1];
        if (last !== undefined && positions.has(key)) positions.set(key, last.id);
      }
      return onReads(reads);
    },
    onUnsupported(reason) {
      logger.info({ reason }, "Redis cannot do client tracking; live entries come by blocking reads");
      tail.close();
      tail = openBlockingTail({ ...options, control });
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
