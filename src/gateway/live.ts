/** Opens the live part of a gateway: the hub with its tail, and the caches that readers share. */
import type { Turns } from "../domain/scheduling/turns.ts";
import { BackgroundPace } from "../live/background/pace.ts";
import { createPageCache } from "../live/cache/page-cache.ts";
import { RecentMemory } from "../live/cache/recent-batches.ts";
import { Hub } from "../live/hub.ts";
import { createSubscriber } from "../live/running-subscription.ts";
import { createLatencySampler } from "../observe/latency-sampler.ts";
import type { Settings } from "../settings.ts";
import type { Streams } from "../transports/parts.ts";
import { createTurnEnd } from "../transports/response/byte-sink.ts";
import type { Closers } from "./closers.ts";
import type { GatewayObserve } from "./observe.ts";
import type { Storage } from "./storage.ts";

/** Opens the live part on a storage. @returns the streams as transports see them */
export function openLive(
  settings: Settings,
  { store, sizes, ...streams }: Storage,
  { counters, streamClasses, latency, logger }: GatewayObserve,
  closers: Closers,
  { slices: workSlices, activity }: Turns,
): Streams {
  const turnEnd = createTurnEnd({ counters, logger });
  const delays = createLatencySampler(turnEnd.add, (seconds) => latency.observe(seconds));
  const hub = new Hub({
    openTail: (handOut, events) =>
      store.openTail((tailReads) => {
        const isKept = handOut(tailReads);
        const newest = tailReads[0]?.entries.at(-1);
        if (newest !== undefined) delays.sample(newest.id);
        return isKept;
      }, events),
    memory: new RecentMemory(settings.recentBytes, counters),
    onRemoval: (key) => pageCache.forget(key),
    counters,
    logger,
  });
  closers.push(() => hub.close());
  const { streamReader } = streams;
  const pageCache = createPageCache({
    streamReader,
    sizes,
    pageBytes: settings.pageBytes,
    cacheBytes: settings.pageCacheBytes,
    counters,
  });
  const { pageBytes } = settings;
  const backgroundPace = new BackgroundPace({ activity, counters });
  const subscribe = createSubscriber({
    ...{ activity, backgroundPace },
    ...{ hub, pageCache, streamReader, counters, logger, streamClasses, workSlices, pageBytes },
  });
  return { ...streams, turnEnd, subscribe };
}
