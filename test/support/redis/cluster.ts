/** A real Redis Cluster for a test: the test starts nodes, moves slots, kills nodes and adds them. */

import { freePort } from "../../../bench/load/processes/free-port.ts";
import { slotOf } from "../../../src/redis/cluster/hash-slot.ts";
import type { Commands } from "../../../src/redis/resp/commands.ts";
import { until } from "../until.ts";
import { DURABLE, startRedis, type TestRedis } from "./redis.ts";

/** Arguments of a cluster node, with a port for the cluster bus. The timeout is in ms; a busy machine may pause that long. */
export const nodeArguments = async (): Promise<string[]> => [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"],
  // By default the bus port is 10,000 above the port, which may be invalid or in use.
  ...["--cluster-port", String(await freePort())],
];

/** A running cluster. */
export interface TestCluster extends AsyncDisposable {
  /** `redis+cluster://…` */
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  /** Starts another node without slots that all others know. */
  join(): Promise<TestRedis>;
  /** Moves a slot with its keys, one by one, as `redis-cli --cluster reshard` does. */
  moveSlot(slot: number, to: TestRedis): Promise<void>;
  /** Returns the master of a slot, as most nodes see it. @param hanging a node that is not queried */
  ownerOf(slot: number, hanging?: TestRedis): Promise<TestRedis>;
  /** Sends a command to the master of its key, which is its second word. */
  do(...command: (string | number)[]): Promise<unknown>;
}

const SLOTS = 16_384;
const text = async (node: Commands, ...command: (string | number)[]) => String(await node.call(...command));
const idOf = ({ control }: TestRedis) => text(control, "CLUSTER", "MYID");

/** Joins nodes to a cluster with equal shares of the slots, and waits until all report it as up. */
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

/** Introduces a node to the first of the others, which gossips it to all. */
async function meet({ control, port }: TestRedis, [first]: readonly TestRedis[]): Promise<void> {
  const [, busPort = ""] = (await control.call("CONFIG", "GET", "cluster-port")) as Buffer[];
  await first?.control.call("CLUSTER", "MEET", "127.0.0.1", port, String(busPort));
}

/** Waits until all nodes know each other and all slots are served. */
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

/** Starts a cluster. @param replicas per master */
export async function startCluster(masterCount: number, replicas = 0): Promise<TestCluster> {
  const start = async () =>
    startRedis(
      ...DURABLE,
      ...(await nodeArguments()),
      // A replica that was disconnected for a moment may still be promoted.
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
    const votes = new Map<number, number>();
    for (const node of nodes) {
      const { control } = node;
      if (!control.isReady() || node === hanging) continue;
      for (const [start, end, [, port]] of (await control.call("CLUSTER", "SLOTS")) as [
        number,
        number,
        [Buffer, number],
      ][])
        if (start <= slot && slot <= end) votes.set(port, (votes.get(port) ?? 0) + 1);
    }
    const [[port] = [0]] = [...votes].toSorted(([, a], [, b]) => b - a);
    const owner = nodes.find((node) => node.port === port);
    if (owner === undefined) throw new Error(`no node owns slot ${slot}`);
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
      // First the node that has the keys, so that the slot always has an owner.
      for (const { control } of [to, from, ...nodes.filter((node) => node !== to && node !== from)])
        if (control.isReady())
          await control.call("CLUSTER", "SETSLOT", slot, "NODE", toId).catch(() => undefined);
    },
    async do(...command) {
      const key = command[0] === "EVAL" ? command[3] : command[1];
      const { control } = await ownerOf(slotOf(String(key)));
      return control.call(...command);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}
