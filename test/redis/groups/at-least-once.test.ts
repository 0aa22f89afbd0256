/** At-least-once: whatever consumers do, every entry is acknowledged, dead, or reported as lost. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Outcome } from "../../../src/redis/groups/consumer-options.ts";
import { killConnections, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";
import {
  type Job,
  openGroups,
  type TestConsumer,
  type TestGroups,
  type TestWorker,
} from "./group-harness.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const ACK_WAIT_MS = 150;
const MAX_DELIVER = 4;
/** Deliveries that a consumer is counted for, and those that were given back uncounted. */
const OPTIONS = { permits: 3, ackWaitMs: ACK_WAIT_MS, maxDeliver: MAX_DELIVER };

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("ack", "nack", "term", "ignore"), worker: fc.nat(2) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("add"), worker: fc.nat(0) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("close", "crash", "disconnect", "delete", "steal"),
      worker: fc.nat(2),
    }),
  },
);

interface Run {
  readonly gateways: TestGroups[];
  readonly workers: TestWorker[];
  readonly acked: string[];
  /** Entries whose acknowledgement failed: Redis may have run it before the connection was lost. */
  readonly uncertain: Set<string>;
  readonly lost: Set<string>;
}

/** Takes the oldest delivery of a worker that it has not handled. */
const takenFrom = ({ jobs }: TestWorker): Job | undefined => jobs.shift();

async function openWorker(run: Run, key: string, at: number): Promise<void> {
  const gateway = openGroups(redis.url);
  run.gateways[at] = gateway;
  run.workers[at] = await gateway.work(key, {
    ...OPTIONS,
    onLost: (_key, ids) => {
      for (const id of ids) run.lost.add(id);
    },
  });
}

async function perform(run: Run, key: string, action: string, at: number): Promise<void> {
  const worker = run.workers[at];
  if (worker === undefined) return;
  const job = action === "add" ? undefined : takenFrom(worker);
  const { consumer } = worker;
  if (action === "add") await redis.control.call("XADD", key, "*", "d", "x");
  if (action === "close") await consumer.close();
  if (action === "crash") run.gateways[at]?.[Symbol.dispose]();
  if (action === "disconnect") await killConnections(redis, "groups");
  if (action === "close" || action === "crash") {
    run.gateways[at]?.[Symbol.dispose]();
    await openWorker(run, key, at);
  }
  if (job === undefined) return;
  if (action === "delete") await redis.control.call("XDEL", key, job.id);
  if (action === "nack") await settled(run, job, consumer.nack([job], 0));
  if (action === "term") await settled(run, job, consumer.term([job], "given up"));
  if (action === "steal") {
    // A native consumer takes the entry over and completes it: the worker's acknowledgement is late.
    await redis.control.call("XCLAIM", key, "g", "native", 0, job.id);
    if ((await redis.control.call("XACK", key, "g", job.id)) === 1) run.acked.push(job.id);
    await acknowledge(run, consumer, job);
  }
  if (action === "ack") await acknowledge(run, consumer, job);
}

/** Waits until an entry is settled. @returns whether it was, undefined if that is unknown */
async function settled(run: Run, job: Job, outcome: Promise<Outcome>): Promise<boolean | undefined> {
  try {
    return (await outcome).settled === 1;
  } catch (error) {
    expect(error).toMatchObject({ code: "REDIS_UNAVAILABLE" });
    run.uncertain.add(job.id);
    return undefined;
  }
}

async function acknowledge(run: Run, consumer: TestConsumer, job: Job): Promise<void> {
  if (await settled(run, job, consumer.ack([job]))) run.acked.push(job.id);
}

test("every entry is acknowledged once, dead, deleted or lost", async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const key = `s${runs++}`;
      const run: Run = { gateways: [], workers: [], acked: [], uncertain: new Set(), lost: new Set() };
      for (let at = 0; at < 3; at++) await openWorker(run, key, at);
      const added: string[] = [];
      for (let i = 0; i < 5; i++) added.push(String(await redis.control.call("XADD", key, "*", "d", "x")));
      try {
        for (const one of steps) await perform(run, key, one.do, one.worker);
        const all = (await redis.control.call("XINFO", "STREAM", key)) as unknown[];
        const count = Number(all[all.findIndex((name) => String(name) === "entries-added") + 1]);
        // Acknowledges the rest.
        await until(
          "nothing is pending and everything was delivered",
          async () => {
            for (const worker of run.workers)
              for (let job = takenFrom(worker); job !== undefined; job = takenFrom(worker))
                await acknowledge(run, worker.consumer, job);
            const [group] = await (run.gateways[0]?.groups.registry.list(key) ?? []);
            return group?.pending === 0 && group.lag !== undefined && group.lag === 0;
          },
          20_000,
        );
        const dead = (await redis.control.call("XRANGE", `${key}:dead:g`, "-", "+")) as [Buffer, Buffer[]][];
        const deadLettered = dead.map(([, fields]) => String(fields[3]));
        expect(new Set(run.acked).size).toBe(run.acked.length);
        const ended = new Set([...run.acked, ...deadLettered, ...run.lost, ...run.uncertain]);
        expect(deadLettered.filter((id) => run.acked.includes(id))).toEqual([]);
        expect(ended.size).toBe(count);
      } finally {
        for (const gateway of run.gateways) gateway[Symbol.dispose]();
      }
    }),
    { numRuns: 15, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  );
}, 120_000);

test("reads nothing while Redis is unavailable, and continues afterwards", async () => {
  using gateway = openGroups(redis.url);
  let reads = 0;
  const reserve = () => {
    reads++;
    return true;
  };
  const { job } = await gateway.work(["one", "other"], { memory: { reserve, unreserve: () => undefined } });
  await redis.kill();
  await eventLoopTurns(20);
  reads = 0;
  // Each read that fails returns its permits, for which both queues wait.
  await eventLoopTurns(200);
  expect(reads).toBeLessThan(20);
  await redis.start();
  await redis.control.call("XADD", "other", "*", "d", "late");
  expect((await job(0)).text).toBe("late");
});
