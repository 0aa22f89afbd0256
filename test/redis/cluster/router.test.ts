import { afterAll, beforeAll, expect, test } from "vitest";
import { parseClusterUrl } from "../../../src/redis/address/cluster-url.ts";
import { slotOf } from "../../../src/redis/cluster/hash-slot.ts";
import { ClusterRouter, type RouterOptions } from "../../../src/redis/cluster/router.ts";
import { Topology } from "../../../src/redis/cluster/topology.ts";
import type { Reply } from "../../../src/redis/resp/reader.ts";
import { startCluster, type TestCluster } from "../../support/redis/cluster.ts";
import { silent } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let cluster: TestCluster;
let topology: Topology;
beforeAll(async () => {
  cluster = await startCluster(3);
  topology = new Topology(parseClusterUrl(cluster.url), silent);
}, 120_000);
afterAll(async () => {
  topology.close();
  await cluster[Symbol.asyncDispose]();
});

function open(options: Partial<RouterOptions> = {}): ClusterRouter & Disposable {
  const router = new ClusterRouter({ topology, name: "unit", logger: silent, waitMs: 20_000, ...options });
  return Object.assign(router, { [Symbol.dispose]: () => router.close() });
}

/** A master other than the owner of a key. */
async function otherThan(key: string) {
  const owner = await cluster.ownerOf(slotOf(key));
  const other = cluster.nodes.find((node) => node !== owner);
  if (other === undefined) expect.fail("no other master");
  return { owner, other };
}

test("sends each command to the node that owns its key", async () => {
  using router = open();
  const keys = Array.from({ length: 30 }, (_, i) => `key${i}`);
  await Promise.all(keys.map((key) => router.call("SET", key, key)));
  for (const key of keys) expect(String(await cluster.do("GET", key))).toBe(key);
  expect(new Set(keys.map((key) => router.nodeOf(key)?.name)).size).toBe(3);
});

test("runs a function on every master, and commands in order over several slots", async () => {
  using router = open();
  expect(await router.onEach((server) => server.call("PING"))).toEqual(["PONG", "PONG", "PONG"]);
  const replies = await router.inOrder([
    ["SET", "x", "1"],
    ["INCR", "x"],
    ["SET", "y", "2"],
    ["GET", "x"],
  ]);
  expect(replies.map(String)).toEqual(["OK", "2", "OK", "2"]);
});

test("runs a transaction at the node of its first command", async () => {
  using router = open();
  const replies = await new Promise<readonly Reply[]>((resolve, reject) =>
    router.transact(
      [
        ["SET", "t", "1"],
        ["INCR", "t"],
      ],
      (error, all) => (error ? reject(error) : resolve(all)),
    ),
  );
  expect(replies).toEqual(["OK", 2]);
});

test("follows MOVED, keeps the order of a key's commands, and reports the new owner", async () => {
  using router = open({ isOrdered: true });
  const key = "moved";
  const { other } = await otherThan(key);
  let isMoving = true;
  const results: Promise<Reply>[] = [];
  let n = 0;
  const push = () => {
    for (let i = 0; i < 20; i++) results.push(router.call("RPUSH", key, String(n++)));
  };
  const pushing = (async () => {
    while (isMoving) {
      push();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await cluster.moveSlot(slotOf(key), other);
  isMoving = false;
  await pushing;
  push();
  // An error would report a command that a later one has overtaken.
  await Promise.all(results);
  const list = (await other.control.call("LRANGE", key, 0, -1)) as Buffer[];
  expect(list.map(String)).toEqual(results.map((_, i) => String(i)));
  await until(
    "the topology has the move",
    () => router.nodeOf(key)?.name.endsWith(`:${other.port}`) === true,
  );
});

test("follows ASK to the importing node, and reports the key", async () => {
  const redirected: string[] = [];
  using router = open({ onAskRedirect: (key) => redirected.push(key) });
  const key = "redirected";
  const slot = slotOf(key);
  const { owner, other } = await otherThan(key);
  const [ownerId, otherId] = await Promise.all(
    [owner, other].map(async ({ control }) => String(await control.call("CLUSTER", "MYID"))),
  );
  await other.control.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ownerId ?? "");
  await owner.control.call("CLUSTER", "SETSLOT", slot, "MIGRATING", otherId ?? "");
  expect(await router.call("SET", key, "1")).toBe("OK");
  expect(String(await router.call("GET", key))).toBe("1");
  expect(redirected).toEqual([key, key]);
  expect(router.nodeOf(key)?.name).toBe(`127.0.0.1:${owner.port}`);
  await cluster.moveSlot(slot, other);
});

test("returns an error reply that is not a redirection", async () => {
  using router = open();
  await router.call("SET", "text", "x");
  await expect(router.call("LPUSH", "text", "y")).rejects.toMatchObject({ code: "WRONGTYPE" });
});

test("fails a command whose node stays unavailable, and only that of its key", async () => {
  using router = open({ waitMs: 200 });
  await router.onEach((server) => server.call("PING"));
  const key = "unavailable";
  const { owner, other } = await otherThan(key);
  const reachable = Array.from({ length: 100 }, (_, i) => `key${i}`).find(
    (one) => router.nodeOf(one)?.name === `127.0.0.1:${other.port}`,
  );
  await owner.kill();
  const failing = expect(router.call("GET", key)).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  expect(await router.call("EXISTS", reachable ?? "")).toBe(1);
  await failing;
  await owner.start();
  await until("the node is used again", () =>
    router.call("GET", key).then(
      () => true,
      () => false,
    ),
  );
});

test("fails waiting and later commands on close", async () => {
  const empty = new Topology(parseClusterUrl("redis+cluster://127.0.0.1:1"), silent);
  const router = open({ topology: empty });
  const waiting = router.call("GET", "a");
  router.close();
  await expect(waiting).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  await expect(router.call("GET", "a")).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
  empty.close();
});
