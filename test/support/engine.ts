/** The gateway's engine without its transports, in this process: real log, history, hub and tail on a real Redis. */
import { createTally, type Tally } from "../../src/domain/tally.ts";
import { createHistory } from "../../src/live/history.ts";
import { createHub, type Hub } from "../../src/live/hub.ts";
import { createRecentMemory } from "../../src/live/recent.ts";
import { createSubscriber, type Subscribe } from "../../src/live/subscription.ts";
import { parseRedisUrl } from "../../src/redis/address.ts";
import { openConnection } from "../../src/redis/connection.ts";
import { createEntrySizes } from "../../src/redis/entry-sizes.ts";
import { createLog, type Log } from "../../src/redis/log.ts";
import { openTail, type TailMode } from "../../src/redis/open-tail.ts";
import { silent } from "./redis.ts";

/** What an engine is made with; sizes in bytes. */
export interface EngineOptions {
  readonly tail: TailMode;
  readonly recentBytes: number;
  readonly pageBytes: number;
  readonly pageCacheBytes: number;
}

/** An engine at work. */
export interface Engine extends Disposable {
  readonly hub: Hub;
  readonly log: Log;
  readonly tally: Tally;
  /** Makes the function that subscribes readers which are counted in a tally of their own. */
  subscriber(tally: Tally): Subscribe;
}

/** Opens an engine. */
export function openEngine(redisUrl: string, options: EngineOptions): Engine {
  const address = parseRedisUrl(redisUrl);
  const tally = createTally();
  const sizes = createEntrySizes();
  const connect = (name: string) => openConnection({ address, logger: silent, name, waitMs: 10_000 });
  const reads = connect("reads");
  const appends = connect("appends");
  const log = createLog({ appends, reads, streamMaxLength: 0, sizes, tally });
  const hub = createHub({
    openTail: (onReads) =>
      openTail(options.tail, { address, logger: silent, sizes, tally, onReads, control: reads }),
    memory: createRecentMemory(options.recentBytes, tally),
    tally,
    logger: silent,
  });
  const history = createHistory({
    log,
    sizes,
    pageBytes: options.pageBytes,
    cacheBytes: options.pageCacheBytes,
    tally,
  });
  return {
    hub,
    log,
    tally,
    subscriber: (own) => createSubscriber({ hub, history, log, tally: own }),
    [Symbol.dispose]() {
      hub.close();
      reads.close();
      appends.close();
    },
  };
}
