/** The gateway's engine without transports, in this process: real reader, page cache, hub and tail on a real Redis. */
import { ClientActivity } from "../../../src/domain/scheduling/client-activity.ts";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { WorkSlices } from "../../../src/domain/scheduling/work-slice.ts";
import { BackgroundPace } from "../../../src/live/background/pace.ts";
import { createPageCache } from "../../../src/live/cache/page-cache.ts";
import { RecentMemory } from "../../../src/live/cache/recent-batches.ts";
import { Hub } from "../../../src/live/hub.ts";
import type { PlaybackTimers } from "../../../src/live/playback/timers.ts";
import { createSubscriber } from "../../../src/live/running-subscription.ts";
import type { Subscribe } from "../../../src/live/subscription.ts";
import { type Counters, createCounters } from "../../../src/observe/counters.ts";
import { createStreamClasses, type StreamClasses } from "../../../src/observe/stream-classes.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { type Append, createAppender } from "../../../src/redis/append/appender.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { createStreamReader, type StreamReader } from "../../../src/redis/read/stream-reader.ts";
import { DetailsReader } from "../../../src/redis/registry/details/details-reader.ts";
import { createLastIds, type LastIds } from "../../../src/redis/registry/details/last-ids.ts";
import { StreamRecords } from "../../../src/redis/registry/details/stream-records.ts";
import { openSingleStore } from "../../../src/redis/single-store.ts";
import type { TailMode } from "../../../src/redis/tail/open-tail.ts";
import { CountedCommands } from "../redis/counted-commands.ts";
import { silent } from "../redis/redis.ts";

/** Time (ms) of sliced work in one event-loop turn. Shorter than the gateway's, so that readers can exceed it at little cost. */
export const SLICE_MS = 0.5;

/** Options of an engine; sizes in bytes. */
export interface EngineOptions {
  readonly tail: TailMode;
  readonly recentBytes: number;
  readonly pageBytes: number;
  readonly pageCacheBytes: number;
  /** Maximum size of one read. */
  readonly answerBytes: number;
  /** Clocks and timers of playbacks; if absent, those of the event loop. */
  readonly playbackTimers?: PlaybackTimers;
  /** Activity of clients, to which background subscriptions yield; if absent, that of this engine. */
  readonly activity?: ClientActivity;
  /** Pace of background subscriptions; if absent, that of this engine. */
  readonly backgroundPace?: BackgroundPace;
}

/** A running engine. */
export interface Engine extends Disposable {
  readonly hub: Hub;
  readonly streamReader: StreamReader;
  /** Number of reads without a reply. */
  readsInFlight(): number;
  readonly lastIds: LastIds;
  readonly append: Append;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  /** Creates the function that subscribes readers with their own counters. */
  subscriber(counters: Counters): Subscribe;
}

/** Opens an engine. */
export function openEngine(redisUrl: string, options: EngineOptions): Engine {
  const address = parseRedisUrl(redisUrl);
  const counters = createCounters();
  const streamClasses = createStreamClasses();
  const sizes = createEntrySizes();
  const store = openSingleStore({
    address,
    tailMode: options.tail,
    readsReplicas: false,
    waitMs: 10_000,
    leaseMs: 30_000,
    streamMaxLength: 0,
    pollCacheBytes: 0,
    sizes,
    counters,
    logger: silent,
  });
  const append = createAppender({
    openSending: store.openSending,
    streamMaxLength: 0,
    counters,
    logger: silent,
    streamClasses,
  });
  const { answerBytes, pageBytes } = options;
  const reads = new CountedCommands(store.reads);
  const streamReader = createStreamReader({ reads, largeReads: reads, sizes, answerBytes, pageBytes });
  const details = new DetailsReader(store.withoutPayloads);
  const records = new StreamRecords({
    database: store.reads,
    largeReads: store.largeReads,
    details,
    workSlices: createTurns().slices,
  });
  const hub = new Hub({
    openTail: store.openTail,
    memory: new RecentMemory(options.recentBytes, counters),
    onRemoval: (key) => pageCache.forget(key),
    counters,
    logger: silent,
  });
  const pageCache = createPageCache({
    streamReader,
    sizes,
    pageBytes: options.pageBytes,
    cacheBytes: options.pageCacheBytes,
    counters,
  });
  const { activity = new ClientActivity() } = options;
  const { backgroundPace = new BackgroundPace({ activity, counters }) } = options;
  return {
    hub,
    streamReader,
    readsInFlight: () => reads.inFlight,
    lastIds: createLastIds(reads, details, records),
    append,
    counters,
    streamClasses,
    subscriber: (own) =>
      createSubscriber({
        ...{ hub, pageCache, streamReader, streamClasses, pageBytes, activity, backgroundPace },
        counters: own,
        logger: silent,
        workSlices: new WorkSlices(createTurns().pressure, SLICE_MS),
        ...(options.playbackTimers && { playbackTimers: options.playbackTimers }),
      }),
    [Symbol.dispose]() {
      hub.close();
      store.close();
    },
  };
}
