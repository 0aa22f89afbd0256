/** The appending parts of the gateway with loopback, on their own connection, for tests that break it. */
import type { NewEntry } from "../../../src/domain/streams/entry.ts";
import { type Counters, createCounters } from "../../../src/observe/counters.ts";
import { createStreamClasses, type StreamClasses } from "../../../src/observe/stream-classes.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { type Append, type AppendResult, createAppender } from "../../../src/redis/append/appender.ts";
import { createLoopback, type Loopback, type LoopbackListener } from "../../../src/redis/append/loopback.ts";
import { loopbackOver } from "../../../src/redis/append/transactions.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { silent } from "../redis/redis.ts";
import { until } from "../until.ts";

/** Outcome of an append. */
export interface Appended {
  readonly results: readonly AppendResult[];
  readonly isKept: boolean;
}

/** A running appender. */
export interface TestAppends extends Disposable {
  readonly append: Append;
  readonly loopback: Loopback;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  /** The connection that carries the appends. */
  connection(): Connection;
  /** Appends payloads to streams in one batch. */
  add(...entries: readonly (readonly [key: string, data: string | Buffer, id?: string])[]): Promise<Appended>;
}

/** Opens the appender and waits until it is ready. @param listener receives the loopback */
export async function openAppends(
  redisUrl: string,
  listener?: LoopbackListener,
  waitMs = 10_000,
): Promise<TestAppends> {
  const address = parseRedisUrl(redisUrl);
  const counters = createCounters();
  const streamClasses = createStreamClasses();
  const loopback = createLoopback();
  let connection: Connection | undefined;
  const opened = (): Connection => {
    if (connection === undefined) throw new Error("the appender opened no connection");
    return connection;
  };
  const append = createAppender({
    openSending: loopbackOver((hooks) => {
      connection = new Connection({ ...hooks, address, logger: silent, name: "appends", waitMs });
      return connection;
    }, loopback),
    streamMaxLength: 0,
    counters,
    logger: silent,
    streamClasses,
  });
  loopback.listen(listener);
  await until("appends are possible", () => opened().isReady());
  return {
    append,
    loopback,
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
