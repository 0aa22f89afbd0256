/** Growth of streams where Redis does not report it: consumer groups are read at an interval. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { growthOver } from "../../../src/redis/groups/growth.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { silent } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";
import { openGroups, type TestGroups } from "./group-harness.ts";
import { type GroupRedis, startSingle } from "./group-redis.ts";

let redis: GroupRedis;
let gateway: TestGroups;
beforeAll(async () => {
  redis = await startSingle();
  await redis.call("ACL", "SETUSER", "default", "-client|tracking");
  gateway = openGroups(redis.url);
});
afterAll(async () => {
  gateway[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

test("delivers entries without client tracking", async () => {
  const { consumer, jobs, job } = await gateway.work("s", { permits: 2 });
  for (const text of ["a", "b", "c"]) await redis.call("XADD", "s", "*", "d", text);
  await job(1);
  await consumer.ack([await job(0), await job(1)]);
  expect((await job(2)).text).toBe("c");
  expect(jobs.map(({ text }) => text)).toEqual(["a", "b", "c"]);
});

test("delivers entries that were given back without client tracking", async () => {
  await redis.call("XADD", "t", "*", "d", "a");
  const one = await gateway.work("t");
  await one.job(0);
  await one.consumer.close();
  const two = await gateway.work("t");
  expect(await two.job(0)).toMatchObject({ text: "a", n: 1 });
  await two.consumer.ack([await two.job(0)]);
  await until("nothing is pending", async () => (await gateway.groups.registry.list("t"))[0]?.pending === 0);
});

test("runs tasks once per turn while Redis is unavailable", async () => {
  const address = parseRedisUrl(`redis://127.0.0.1:${await freePort()}`);
  const growth = growthOver(
    (hooks) => new Connection({ ...hooks, address, name: "groups", logger: silent, waitMs: 0 }),
    silent,
  )({ onGrown: () => undefined, onReady: () => undefined });
  let runs = 0;
  let isOver = false;
  // Each task fails at once, and is added again.
  const addTask = () =>
    growth.atTurnEnd(() => {
      runs++;
      if (!isOver) queueMicrotask(addTask);
    });
  for (let i = 0; i < 3; i++) addTask();
  await eventLoopTurns(8);
  isOver = true;
  expect(runs).toBeLessThanOrEqual(3 * 9);
  growth.close();
});
