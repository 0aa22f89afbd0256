/** Append-only files that end within a transaction: a crash of Redis while it wrote one. */
import { expect, test } from "vitest";
import { slotOf } from "../../../src/redis/cluster/hash-slot.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { cutLastTransaction } from "../../support/redis/append-only-file.ts";
import { startCluster } from "../../support/redis/cluster.ts";
import { DURABLE, silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** Writes a transaction and kills the server, so that its file lacks the end of the transaction. */
async function crashWithinTransaction(redis: TestRedis, stream: string): Promise<void> {
  const add = `redis.call('XADD', KEYS[1], '*', 'd', ARGV[1])`;
  await redis.control.call("EVAL", `${add} ${add}`, 1, stream, "unfinished");
  await redis.kill();
  cutLastTransaction(redis.dir);
}

test("a gateway ends the transaction, so that no later entry is lost", async () => {
  await using redis = await startRedis(...DURABLE);
  await crashWithinTransaction(redis, "s");
  await redis.start({ isRepaired: false });
  {
    await using _ = await startTestGateway(redis.url, {}, silent);
    await connectedTo(redis);
  }
  await redis.control.call("XADD", "s", "*", "d", "acknowledged");
  await redis.kill();
  await redis.start({ isRepaired: false });
  expect(String(await redis.control.call("XREVRANGE", "s", "+", "-", "COUNT", 1))).toContain("acknowledged");
});

test("a gateway that is connected ends it on a node of a cluster that restarts", async () => {
  await using cluster = await startCluster(2);
  await using _ = await startTestGateway(cluster.url, {}, silent);
  const redis = await cluster.ownerOf(slotOf("s"));
  await crashWithinTransaction(redis, "s");
  await redis.start({ isRepaired: false });
  await connectedTo(redis);
  await serving(redis);
  await redis.control.call("XADD", "s", "*", "d", "acknowledged");
  await redis.kill();
  await redis.start({ isRepaired: false });
  await serving(redis);
  expect(String(await redis.control.call("XREVRANGE", "s", "+", "-", "COUNT", 1))).toContain("acknowledged");
});

/** Waits until a gateway's connection for appends has sent its first commands, and has the replies. */
async function connectedTo({ control }: TestRedis): Promise<void> {
  await until("the gateway has written its transaction", async () => {
    const stats = String(await control.call("INFO", "commandstats"));
    return /cmdstat_exec:calls=/.test(stats) && /cmdstat_del:calls=[1-9]/.test(stats);
  });
}

/** Waits until a node of a cluster accepts commands. */
function serving({ control }: TestRedis): Promise<void> {
  return until("the cluster is up", async () =>
    String(await control.call("CLUSTER", "INFO")).includes("cluster_state:ok"),
  );
}
