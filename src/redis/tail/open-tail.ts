/** Selects the tail that the server supports: tracking if possible, otherwise blocking. */
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
  const { logger } = options;
  if (mode === "blocking") return new BlockingTail({ ...options, control });
  if (mode === "tracking") {
    return new TrackingTail({
      ...options,
      onUnsupported: (reason) =>
        logger.error(
          { reason },
          "Redis does not support client tracking, which REDIS_TAIL=tracking requires; live entries are not delivered",
        ),
    });
  }

  const tracking = new TrackingTail({
    ...options,
    onUnsupported(reason) {
      logger.info(
        { reason },
        "Redis does not support client tracking; using blocking reads for live entries",
      );
      tracking.close();
      tail = new BlockingTail({ ...options, control });
      for (const [key, after] of tracking.positions) tail.watch(key, after);
    },
  });
  let tail: Tail = tracking;
  return {
    noticesRemovals: () => tail.noticesRemovals(),
    watch: (key, after, isRead) => tail.watch(key, after, isRead),
    unwatch: (key) => tail.unwatch(key),
    close: () => tail.close(),
  };
}
