/** Redis Cluster of a run: three masters with a replica each, with failovers and slot migrations on request. */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { slotOf } from "../../../src/redis/cluster/hash-slot.ts";
import { repairAppendOnlyFile } from "../../load/processes/append-only-file.ts";
import { freePort } from "../../load/processes/free-port.ts";
import type { Child, Children } from "../../load/processes/process.ts";
import type { ClusterFault } from "../plan.ts";
import type { NamedEntry, StoredStream } from "../verdict/history.ts";

const run = promisify(execFile);

/** A running cluster. */
export interface Cluster {
  readonly url: string;
  /** Arguments with which redis-cli reaches each node. */
  readonly servers: readonly (readonly string[])[];
  /** Number of failovers from a master that could not replicate its last writes. */
  readonly takeovers: number;
  /** Injects a fault, waits and repairs it. @throws Error if the node does not recover */
  inject(fault: ClusterFault): Promise<void>;
  /** Returns the stored streams. Streams must not be trimmed. */
  stored(streams: readonly string[]): Promise<readonly StoredStream[]>;
  /** Runs a command at the master of a stream, and returns redis-cli's raw output. */
  command(stream: string, ...args: readonly string[]): Promise<string>;
  /** Processes that ended unexpectedly. */
  readonly deaths: readonly string[];
}

interface Node {
  readonly port: number;
  child: Child;
  readonly start: () => Promise<Child>;
}

const MASTERS = 3;
/** Maximum time (ms) of a failover, or until a replica is back. */
const WHOLE_MS = 30_000;

/** KEYS: a stream. Returns each entry's id and the key of its payload, as `keyOf` returns it. */
const IDS_AND_KEYS = `local out = {}
for i, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
  local key, bytes = string.match(e[2][2], '^([^|]*)|(%d+)|x*$')
  out[2 * i - 1] = e[1]
  out[2 * i] = key and #e[2][2] >= tonumber(bytes) and key or 'damaged'
end
return out`;

/** Starts the cluster. @param dir parent folder of the nodes' files */
export async function startCluster(children: Children, dir: string): Promise<Cluster> {
  const deaths: string[] = [];
  const nodes: Node[] = [];
  let takeovers = 0;

  const ask = async (port: number, ...args: readonly string[]): Promise<string> => {
    const { stdout } = await run("redis-cli", ["-p", String(port), ...args], { maxBuffer: 2 ** 28 });
    return stdout.trimEnd();
  };

  async function startNode(): Promise<Node> {
    const [port, busPort] = [await freePort(), await freePort()];
    const home = join(dir, String(port));
    mkdirSync(home);
    const args = [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", home, "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", "always"],
      ...["--cluster-enabled", "yes", "--cluster-port", String(busPort), "--cluster-node-timeout", "1000"],
      ...["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"],
    ];
    const isUp = async () => (await ask(port, "PING").catch(() => "")) === "PONG";
    const start = async () => {
      await repairAppendOnlyFile(home);
      const child = await children.start("redis-server", args, {}, isUp);
      void child.ended.then((how) => {
        if (!dying.has(child.pid)) deaths.push(`redis ${how}`);
      });
      return child;
    };
    return { port, child: await start(), start };
  }
  const dying = new Set<number>();

  async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
    for (const limit = performance.now() + WHOLE_MS; !(await condition().catch(() => false)); await sleep(50))
      if (performance.now() > limit) throw new Error(`timed out waiting until ${what}`);
  }

  /** Lines of `CLUSTER NODES` from a reachable node: id, address, flags, its master, …, slots. */
  async function seenBy(port: number): Promise<readonly (readonly string[])[]> {
    return (await ask(port, "CLUSTER", "NODES")).split("\n").map((line) => line.split(" "));
  }

  const portOf = (address = "") => Number(/:(\d+)@/.exec(address)?.[1]);
  const holds = (ranges: readonly string[], slot: number) =>
    ranges.some((range) => {
      const [first, last = first] = range.split("-").map(Number);
      return first !== undefined && last !== undefined && first <= slot && slot <= last;
    });

  /** Returns the master of a slot. @param without node that is not queried */
  async function ownerOf(slot: number, without?: Node): Promise<Node> {
    const witness = nodes.find((node) => node !== without) ?? nodes[0];
    const lines = await seenBy(witness?.port ?? 0);
    const line = lines.find(
      ([, , flags = "", , , , , , ...ranges]) => flags.includes("master") && holds(ranges, slot),
    );
    const owner = nodes.find(({ port }) => port === portOf(line?.[1]));
    if (owner === undefined) throw new Error(`no node owns slot ${slot}`);
    return owner;
  }

  const isReplica = async ({ port }: Node) =>
    (await ask(port, "INFO", "replication")).includes("master_link_status:up");

  /** Whether every master has a connected replica. */
  const whole = () =>
    until("every master has a replica", async () => {
      const replicas = await Promise.all(nodes.map(isReplica));
      return replicas.filter(Boolean).length === nodes.length - MASTERS;
    });

  async function move(slot: number): Promise<void> {
    const from = await ownerOf(slot);
    const others = (await seenBy(from.port)).filter(
      ([, , flags = "", , , , , , range]) => flags === "master" && range !== undefined,
    );
    const [toId = "", address] = others[slot % others.length] ?? [];
    const to = portOf(address);
    const fromId = await ask(from.port, "CLUSTER", "MYID");
    await ask(to, "CLUSTER", "SETSLOT", String(slot), "IMPORTING", fromId);
    await ask(from.port, "CLUSTER", "SETSLOT", String(slot), "MIGRATING", toId);
    for (;;) {
      const keys = await ask(from.port, "CLUSTER", "GETKEYSINSLOT", String(slot), "1");
      if (keys === "") break;
      await ask(from.port, "MIGRATE", "127.0.0.1", String(to), keys, "0", "5000");
    }
    for (const port of [to, from.port, ...others.map(([, other]) => portOf(other))])
      await ask(port, "CLUSTER", "SETSLOT", String(slot), "NODE", toId);
  }

  async function failOver(slot: number): Promise<void> {
    const owner = await ownerOf(slot);
    const ownerId = await ask(owner.port, "CLUSTER", "MYID");
    const replica = (await seenBy(owner.port)).find(([, , , master]) => master === ownerId);
    await ask(portOf(replica?.[1]), "CLUSTER", "FAILOVER");
    await until("the replica is the master", async () => (await ownerOf(slot)) !== owner);
  }

  const takenFrom = (slot: number, owner: Node) =>
    until("a replica took over", async () => (await ownerOf(slot, owner)) !== owner);

  for (let i = 0; i < MASTERS * 2; i++) nodes.push(await startNode());
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);
  await whole();

  return {
    url: `redis+cluster://${addresses.join(",")}`,
    deaths,
    servers: nodes.map(({ port }) => ["-p", String(port)]),
    get takeovers() {
      return takeovers;
    },
    async inject(fault) {
      const slot = slotOf(`default:${fault.stream}`);
      switch (fault.what) {
        case "move slot":
          return move(slot);
        case "fail over":
          await failOver(slot);
          return whole();
        case "kill master": {
          const owner = await ownerOf(slot);
          takeovers++;
          dying.add(owner.child.pid);
          process.kill(owner.child.pid, "SIGKILL");
          await owner.child.ended;
          await takenFrom(slot, owner);
          await sleep(fault.ms);
          owner.child = await owner.start();
          return whole();
        }
        case "freeze master": {
          const owner = await ownerOf(slot);
          takeovers++;
          process.kill(owner.child.pid, "SIGSTOP");
          await sleep(fault.ms);
          process.kill(owner.child.pid, "SIGCONT");
          await sleep(100);
          return whole();
        }
        default:
          return fault satisfies never;
      }
    },
    async command(stream, ...args) {
      const { port } = await ownerOf(slotOf(`default:${stream}`));
      return ask(port, ...args);
    },
    stored: (streams) =>
      Promise.all(
        streams.map(async (stream) => {
          const key = `default:${stream}`;
          const { port } = await ownerOf(slotOf(key));
          const lines = await ask(port, "EVAL", IDS_AND_KEYS, "1", key);
          const committed: NamedEntry[] = [];
          const words = lines === "" ? [] : lines.split("\n");
          for (let i = 0; i + 1 < words.length; i += 2)
            committed.push({ id: words[i], key: words[i + 1] ?? "" });
          return { stream, committed, left: committed.map(({ id }) => id ?? "") };
        }),
      ),
  };
}
