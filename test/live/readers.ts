/** A Redis, an engine on it, and readers of its stream `s`. */
import type { WantedStream } from "../../src/transports/request/streams.ts";
import { type Engine, type EngineOptions, openEngine } from "../support/gateway/engine.ts";
import { type ReaderOptions, startReader, type TestReader } from "../support/gateway/reader.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";

/** An engine whose readers are closed with it. */
export interface EngineWithReaders extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly engine: Engine;
  /** Starts a reader of the stream. */
  read(options?: Partial<ReaderOptions>): Promise<TestReader>;
}

/** Opens an engine with a tracking tail. @param cursor where readers begin */
export async function openReaders(
  cursor: WantedStream["cursor"],
  options: Omit<EngineOptions, "tail">,
): Promise<EngineWithReaders> {
  const redis = await startRedis();
  const engine = openEngine(redis.url, { tail: "tracking", ...options });
  const readers: TestReader[] = [];
  return {
    redis,
    engine,
    async read(given = {}) {
      const streams = [{ key: "s", name: "s", cursor }];
      const reader = await startReader(engine, { streams, fullEvery: 0, awaitsAck: false, ...given });
      readers.push(reader);
      return reader;
    },
    async [Symbol.asyncDispose]() {
      for (const { subscription } of readers) subscription.close();
      engine[Symbol.dispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}
