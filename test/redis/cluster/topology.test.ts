import { afterAll, beforeAll, expect, test } from "vitest";
import { parseClusterUrl } from "../../../src/redis/address/cluster-url.ts";
import { slotOf } from "../../../src/redis/cluster/hash-slot.ts";
import { Topology } from "../../../src/redis/cluster/topology.ts";
import { startCluster, type TestCluster } from "../../support/redis/cluster.ts";
import { silent, startRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster(3, 1);
}, 120_000);
afterAll(() => cluster[Symbol.asyncDispose]());

function open(url = cluster.url): Topology & Disposable {
  const topology = new Topology(parseClusterUrl(url), silent);
  return Object.assign(topology, { [Symbol.dispose]: () => topology.close() });
}

const portsOf = (nodes: readonly { readonly name: string }[]) =>
  nodes.map(({ name }) => Number(name.split(":")[1])).toSorted();

test("reads masters, replicas and slots from the cluster", async () => {
  using topology = open();
  await until("the slot map is known", () => topology.replicas().length === 3);
  const ports = cluster.nodes.map(({ port }) => port);
  expect(portsOf(topology.masters())).toEqual(ports.slice(0, 3).toSorted());
  expect(portsOf(topology.replicas())).toEqual(ports.slice(3).toSorted());
  for (const slot of [0, 8000, 16_383]) {
    const owner = await cluster.ownerOf(slot);
    expect(topology.ownerOf(slot)?.name).toBe(`127.0.0.1:${owner.port}`);
    expect(topology.replicasOf(slot)).toHaveLength(1);
  }
});

test("finds the cluster through any seed, and moves on from one that is not a cluster node", async () => {
  await using alone = await startRedis();
  using topology = open(`redis+cluster://127.0.0.1:${alone.port},127.0.0.1:${cluster.nodes[1]?.port}`);
  await until("the slot map is known", () => topology.masters().length === 3);
});

test("reports a moved slot to its listeners: at once if redirected, otherwise by polling", async () => {
  using topology = open();
  const slot = slotOf("moving");
  await until("the slot map is known", () => topology.ownerOf(slot) !== undefined);
  const from = await cluster.ownerOf(slot);
  const to = cluster.nodes.slice(0, 3).find((node) => node !== from);
  const [old, target] = [from, to].map((node) =>
    topology.masters().find(({ name }) => name.endsWith(`:${node?.port}`)),
  );
  if (to === undefined || target === undefined || old === undefined) expect.fail("no other master");
  let changes = 0;
  const unsubscribe = topology.watch(() => changes++);
  topology.moved(slot, target);
  expect([topology.ownerOf(slot), changes]).toEqual([target, 1]);
  await until("the cluster's own view returns", () => topology.ownerOf(slot) === old);
  await cluster.moveSlot(slot, to);
  await until("the move is detected", () => topology.ownerOf(slot) === target);
  unsubscribe();
  const seen = changes;
  topology.moved(slot, old);
  expect(changes).toBe(seen);
});

test("does not request the slot map after close", async () => {
  const topology = open();
  await until("the slot map is known", () => topology.masters().length === 3);
  topology.close();
  topology.refresh();
  const [first] = cluster.nodes;
  await until("no node lists its connection", async () => {
    const lists = await Promise.all(cluster.nodes.map(({ control }) => control.call("CLIENT", "LIST")));
    return !lists.join("\n").includes("name=redis-streamer:map ");
  });
  expect(await first?.control.call("PING")).toBe("PONG");
});
