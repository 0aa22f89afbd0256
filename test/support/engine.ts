/** The gateway's engine without its transports, in this process: real log, history, hub and tail on a real Redis. */
import { createTally, type Tally } from "../../src/domain/tally.ts";
import { createTraffic, type Traffic } from "../../src/domain/traffic.ts";
import { createHistory } from "../../src/live/history.ts";
import { createHub, type Hub } from "../../src/live/hub.ts";
import { createRecentMemory } from "../../src/live/recent.ts";
import { createSubscriber, type Subscribe } from "../../src/live/subscription.ts";
import { parseRedisUrl } from "../../src/redis/address.ts";
import { createAppender } from "../../src/redis/appender.ts";
import { type Connection, openConnection } from "../../src/redis/connection.ts";
import { createEcho } from "../../src/redis/echo.ts";
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
  /** Most that one read brings. */
  readonly answerBytes: number;
}

/** An engine at work. */
export interface Engine extends Disposable {
  readonly hub: Hub;
  readonly log: Log;
  readonly tally: Tally;
  readonly traffic: Traffic;
  /** Makes the function that subscribes readers which are counted in a tally of their own. */
  subscriber(tally: Tally): Subscribe;
}

/** Opens an engine. */
export function openEngine(redisUrl: string, options: EngineOptions): Engine {
  const address = parseRedisUrl(redisUrl);
  const tally = createTally();
  const traffic = createTraffic();
  const sizes = createEntrySizes();
  const reads = openConnection({ address, logger: silent, name: "reads", waitMs: 10_000 });
  const echo = createEcho();
  let appends: Connection | undefined;
  const append = createAppender({
    connect(hooks) {
      appends = openConnection({ ...hooks, address, logger: silent, name: "appends", waitMs: 10_000 });
      return appends;
    },
    streamMaxLength: 0,
    echo,
    tally,
    traffic,
  });
  const log = createLog({
    append,
    reads,
    connections: [reads],
    sizes,
    answerBytes: options.answerBytes,
    pageBytes: options.pageBytes,
  });
  const hub = createHub({
    openTail: (onReads, onRemoval) => {
      const parts = { address, logger: silent, sizes, tally, echo, onReads, onRemoval, control: reads };
      return openTail(options.tail, parts);
    },
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
    traffic,
    subscriber: (own) => createSubscriber({ hub, history, log, tally: own, traffic }),
    [Symbol.dispose]() {
      hub.close();
      reads.close();
      appends?.close();
    },
  };
}
