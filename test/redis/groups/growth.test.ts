/** Growth of streams where Redis does not report it: consumer groups are read at an interval. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../support/until.ts";
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
