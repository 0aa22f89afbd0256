/** Consumers of groups on a real Redis, as one gateway has them. */
import { GatewayError } from "../../../src/domain/errors.ts";
import { type EntryId, FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { type Counters, createCounters } from "../../../src/observe/counters.ts";
import { parseClusterUrl } from "../../../src/redis/address/cluster-url.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { openClusterStore } from "../../../src/redis/cluster-store.ts";
import { UNNAMED } from "../../../src/redis/groups/commands/scripts.ts";
import type { Consumer } from "../../../src/redis/groups/consumer.ts";
import type {
  ConsumerOptions,
  NamedEntry,
  OnOutcome,
  Outcome,
} from "../../../src/redis/groups/consumer-options.ts";
import { createGroups, type Groups } from "../../../src/redis/groups/groups.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { openSingleStore } from "../../../src/redis/single-store.ts";
import { silent } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** One delivery. */
export interface Job {
  readonly key: string;
  readonly id: EntryId;
  readonly text: string;
  readonly n: number;
}

/** A consumer whose settlements are promises. */
export type TestConsumer = Pick<Consumer, "name" | "grant" | "resume" | "close" | "detach"> & {
  ack(entries: readonly NamedEntry[]): Promise<Outcome>;
  /** Like `ack`, with a callback. */
  ackThen: Consumer["ack"];
  nack(entries: readonly NamedEntry[], delayMs: number): Promise<Outcome>;
  term(entries: readonly NamedEntry[], reason: string): Promise<Outcome>;
  progress(entries: readonly NamedEntry[]): Promise<Outcome>;
};

/** A consumer with the entries that it received. */
export interface TestWorker {
  readonly consumer: TestConsumer;
  readonly jobs: Job[];
  readonly lost: string[];
  readonly errors: string[];
  /** Waits for the delivery at a position. */
  job(position: number): Promise<Job>;
}

/** The groups of one gateway. */
export interface TestGroups extends Disposable {
  readonly groups: Groups;
  readonly counters: Counters;
  work(streams: string | readonly string[], options?: Partial<ConsumerOptions>): Promise<TestWorker>;
}

const outcomeOf = (settle: (done: OnOutcome) => void): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    settle((result) => (result instanceof GatewayError ? reject(result) : resolve(result)));
  });

let named = 0;

/** Opens the groups of a gateway. */
export function openGroups(redisUrl: string): TestGroups {
  const counters = createCounters();
  const sizes = createEntrySizes();
  const parts = {
    readsReplicas: false,
    waitMs: 10_000,
    leaseMs: 10_000,
    streamMaxLength: 0,
    sizes,
    counters,
    logger: silent,
  };
  const store = redisUrl.startsWith("redis+cluster:")
    ? openClusterStore({ ...parts, endpoint: parseClusterUrl(redisUrl, {}) })
    : openSingleStore({ ...parts, address: parseRedisUrl(redisUrl), tailMode: "auto", pollCacheBytes: 0 });
  const groups = createGroups({ store, streamMaxLength: 0, sizes, counters, logger: silent });
  return {
    groups,
    counters,
    async work(streams, options = {}) {
      const keys = typeof streams === "string" ? [streams] : streams;
      const jobs: Job[] = [];
      const lost: string[] = [];
      const errors: string[] = [];
      const consumer = await groups.open({
        name: `${UNNAMED}${++named}`,
        group: "g",
        streams: keys.map((key) => ({ key, deadLetter: `${key}:dead:g` })),
        from: FIRST_ID,
        permits: 16,
        ackWaitMs: 30_000,
        maxDeliver: 5,
        deletesAcked: false,
        memory: { reserve: () => true, unreserve: () => undefined },
        canSend: () => true,
        onEntries(key, entries) {
          for (const { entry, n } of entries)
            jobs.push({ key, id: entry.id, text: Buffer.from(entry.data).toString(), n });
        },
        onLost: (_key, ids) => lost.push(...ids),
        onError: ({ code }) => errors.push(code),
        ...options,
      });
      return {
        consumer: {
          name: consumer.name,
          grant: (count) => consumer.grant(count),
          resume: () => consumer.resume(),
          close: () => consumer.close(),
          detach: () => consumer.detach(),
          ackThen: (entries, done) => consumer.ack(entries, done),
          ack: (entries) => outcomeOf((done) => consumer.ack(entries, done)),
          nack: (entries, delayMs) => outcomeOf((done) => consumer.nack(entries, delayMs, done)),
          term: (entries, reason) => outcomeOf((done) => consumer.term(entries, reason, done)),
          progress: (entries) => outcomeOf((done) => consumer.progress(entries, done)),
        },
        jobs,
        lost,
        errors,
        async job(position) {
          await until(
            () => `delivery ${position} arrives, after ${jobs.length}`,
            () => jobs.length > position,
            20_000,
          );
          const job = jobs[position];
          if (job === undefined) throw new Error("no job");
          return job;
        },
      };
    },
    [Symbol.dispose]() {
      void groups.close();
      store.close();
    },
  };
}
