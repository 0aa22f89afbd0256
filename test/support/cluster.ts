/** A real Redis Cluster for a test: nodes are processes that the test starts, moves slots between, kills and adds. */

import { freePort } from "../../bench/load/free-port.ts";
import { slotOf } from "../../src/redis/hash-slot.ts";
import type { Commands } from "../../src/redis/resp/commands.ts";
import { startRedis, type TestRedis } from "./redis.ts";
import { until } from "./until.ts";

/** The arguments that make a server a node, with a port for the others. The timeout (ms) is how long a dead master is not missed: a busy machine stands for a while. */
export const nodeArguments = async (): Promise<string[]> => [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"],
  // By default that is a port 10,000 above its own, which may be none, or somebody else's.
  ...["--cluster-port", String(await freePort())],
];

/** Nodes that are a cluster. */
export interface TestCluster extends AsyncDisposable {
  /** `redis+cluster://…` */
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  /** Starts another node, without slots, that all others know. */
  join(): Promise<TestRedis>;
  /** Moves a slot with all its keys, one after the other, as `redis-cli --cluster reshard` does. */
  moveSlot(slot: number, to: TestRedis): Promise<void>;
  /** The master of a slot, as most of the nodes see it. @param hanging one that is not asked */
  ownerOf(slot: number, hanging?: TestRedis): Promise<TestRedis>;
  /** A command to the master of its key, which is its second word. */
  do(...command: (string | number)[]): Promise<unknown>;
}

const SLOTS = 16_384;
const text = async (node: Commands, ...command: (string | number)[]) => String(await node.call(...command));
const idOf = ({ control }: TestRedis) => text(control, "CLUSTER", "MYID");

/** Makes nodes a cluster in which they share the slots, and waits until all say that it is one. */
export async function makeCluster(masters: readonly TestRedis[]): Promise<void> {
  const share = Math.ceil(SLOTS / masters.length);
  await Promise.all(
    masters.map(async ({ control }, i) => {
      await control.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
      const last = Math.min(SLOTS, (i + 1) * share) - 1;
      await control.call("CLUSTER", "ADDSLOTSRANGE", i * share, last);
    }),
  );
  for (const node of masters.slice(1)) await meet(node, masters);
  await agree(masters);
}

/** Makes a node known to the first of others, who tells them all. */
async function meet({ control, port }: TestRedis, [first]: readonly TestRedis[]): Promise<void> {
  const [, busPort = ""] = (await control.call("CONFIG", "GET", "cluster-port")) as Buffer[];
  await first?.control.call("CLUSTER", "MEET", "127.0.0.1", port, String(busPort));
}

/** Waits until all nodes know each other and that all slots are served. */
export async function agree(nodes: readonly TestRedis[]): Promise<void> {
  for (const { control, port } of nodes)
    await until(
      () => `${port} sees a cluster of ${nodes.length}`,
      async () => {
        const info = await text(control, "CLUSTER", "INFO");
        return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${nodes.length}\r`);
      },
      30_000,
    );
}

/** Starts a cluster. @param replicas of each master */
export async function startCluster(masterCount: number, replicas = 0): Promise<TestCluster> {
  const start = async () =>
    startRedis(
      ...["--appendonly", "yes", "--appendfsync", "always"],
      ...(await nodeArguments()),
      // A replica that was cut off for a moment may still take over.
      ...["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"],
    );
  const nodes = await Promise.all(Array.from({ length: masterCount * (1 + replicas) }, start));
  const masters = nodes.slice(0, masterCount);
  await makeCluster(masters);
  for (const node of nodes.slice(masterCount)) await meet(node, masters);
  await agree(nodes);
  for (const [i, node] of nodes.slice(masterCount).entries()) {
    const master = masters[i % masterCount];
    if (master === undefined) continue;
    await node.control.call("CLUSTER", "REPLICATE", await idOf(master));
    await until(
      "the replica has its master's data",
      async () => (await text(node.control, "INFO", "replication")).includes("master_link_status:up"),
      30_000,
    );
  }

  async function ownerOf(slot: number, hanging?: TestRedis): Promise<TestRedis> {
    const said = new Map<number, number>();
    for (const node of nodes) {
      const { control } = node;
      if (!control.isReady() || node === hanging) continue;
      for (const [start, end, [, port]] of (await control.call("CLUSTER", "SLOTS")) as [
        number,
        number,
        [Buffer, number],
      ][])
        if (start <= slot && slot <= end) said.set(port, (said.get(port) ?? 0) + 1);
    }
    const [[port] = [0]] = [...said].toSorted(([, a], [, b]) => b - a);
    const owner = nodes.find((node) => node.port === port);
    if (owner === undefined) throw new Error(`nobody has slot ${slot}`);
    return owner;
  }

  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    nodes,
    ownerOf,
    async join() {
      const node = await start();
      nodes.push(node);
      await meet(node, masters);
      await agree(nodes);
      return node;
    },
    async moveSlot(slot, to) {
      const from = await ownerOf(slot);
      if (from === to) return;
      const [fromId, toId] = [await idOf(from), await idOf(to)];
      await to.control.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
      await from.control.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
      for (;;) {
        const keys = (await from.control.call("CLUSTER", "GETKEYSINSLOT", slot, 1)) as Buffer[];
        if (keys.length === 0) break;
        await from.control.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", ...keys);
      }
      // First who has the keys, so that nobody says that the slot is nobody's.
      for (const { control } of [to, from, ...nodes.filter((node) => node !== to && node !== from)])
        if (control.isReady())
          await control.call("CLUSTER", "SETSLOT", slot, "NODE", toId).catch(() => undefined);
    },
    async do(...command) {
      const { control } = await ownerOf(slotOf(String(command[1])));
      return control.call(...command);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}
