/** The parts of the gateway that append and echo, on a connection of their own, for tests that hurt them. */
import type { NewEntry } from "../../src/domain/entry.ts";
import { type Counters, createCounters } from "../../src/observe/counters.ts";
import { createStreamClasses, type StreamClasses } from "../../src/observe/stream-classes.ts";
import {
  type Append,
  type AppendResult,
  createAppender,
  echoingOver,
} from "../../src/redis/append/appender.ts";
import { createEcho, type Echo, type EchoListener } from "../../src/redis/append/loopback.ts";
import { parseRedisUrl } from "../../src/redis/redis-url.ts";
import { type Connection, openConnection } from "../../src/redis/resp/connection.ts";
import { silent } from "./redis.ts";
import { until } from "./until.ts";

/** What was appended, and how that ended. */
export interface Appended {
  readonly results: readonly AppendResult[];
  readonly isKept: boolean;
}

/** An appender at work. */
export interface TestAppends extends Disposable {
  readonly append: Append;
  readonly echo: Echo;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  /** The connection that appends go over. */
  connection(): Connection;
  /** Appends payloads to streams, in one batch. */
  add(...entries: readonly (readonly [key: string, data: string | Buffer, id?: string])[]): Promise<Appended>;
}

/** Opens it and waits until it is ready. @param listener who hears the echo */
export async function openAppends(
  redisUrl: string,
  listener?: EchoListener,
  waitMs = 10_000,
): Promise<TestAppends> {
  const address = parseRedisUrl(redisUrl);
  const counters = createCounters();
  const streamClasses = createStreamClasses();
  const echo = createEcho();
  let connection: Connection | undefined;
  const opened = (): Connection => {
    if (connection === undefined) throw new Error("the appender opened no connection");
    return connection;
  };
  const append = createAppender({
    openSending: echoingOver((hooks) => {
      connection = openConnection({ ...hooks, address, logger: silent, name: "appends", waitMs });
      return connection;
    }, echo),
    streamMaxLength: 0,
    counters,
    streamClasses,
  });
  echo.listen(listener);
  await until("appends are possible", () => opened().isReady());
  return {
    append,
    echo,
    counters,
    streamClasses,
    connection: opened,
    add: (...entries) =>
      new Promise((resolve) => {
        const batch = entries.map(
          ([key, data, id = "*"]): NewEntry => ({ key, id, data: Buffer.from(data as Buffer) }),
        );
        append(batch, (results, isKept) => resolve({ results, isKept }));
      }),
    [Symbol.dispose]: () => opened().close(),
  };
}
