/** Slot map of a cluster: which node owns each slot, and which replicas it has, as a node reported it. */

import { type RedisAddress, tlsAt } from "../address/redis-url.ts";
import type { Reply } from "../resp/reader.ts";
import { SLOTS } from "./hash-slot.ts";

/** A cluster node; one object per address. */
export interface ClusterNode {
  /** `host:port` */
  readonly name: string;
  readonly address: RedisAddress;
}

/** Slots with their nodes. It is empty until the first reply is adopted. */
export class SlotMap {
  /** Credentials and TLS options, the same for all nodes. */
  readonly #access: Pick<RedisAddress, "username" | "password" | "tls">;
  readonly #nodes = new Map<string, ClusterNode>();
  #owners: (ClusterNode | undefined)[] = [];
  #masters: readonly ClusterNode[] = [];
  #replicasByMaster: ReadonlyMap<ClusterNode, readonly ClusterNode[]> = new Map();

  constructor(access: Pick<RedisAddress, "username" | "password" | "tls">) {
    this.#access = access;
  }

  /** Master of a slot; undefined if unknown. */
  ownerOf(slot: number): ClusterNode | undefined {
    return this.#owners[slot];
  }

  /** Nodes that own slots. */
  masters(): readonly ClusterNode[] {
    return this.#masters;
  }

  /** Replicas of a slot's master. */
  replicasOf(slot: number): readonly ClusterNode[] {
    const owner = this.#owners[slot];
    return owner === undefined ? [] : (this.#replicasByMaster.get(owner) ?? []);
  }

  /** All replicas. */
  replicas(): readonly ClusterNode[] {
    return [...this.#replicasByMaster.values()].flat();
  }

  /** Node of a redirection's address `host:port`; without a host, it is the host of the redirecting node. */
  nodeAt(text: string, redirectedBy: ClusterNode): ClusterNode | undefined {
    const colon = text.lastIndexOf(":");
    const port = Number(text.slice(colon + 1));
    if (colon < 0 || !(port > 0 && port < 65_536)) return undefined;
    return this.#nodeOf(text.slice(0, colon), port, redirectedBy.address);
  }

  /** Records the new owner of a slot, as a redirection reported it. @returns whether the map has changed */
  move(slot: number, to: ClusterNode): boolean {
    if (this.#owners[slot] === to) return false;
    this.#owners[slot] = to;
    if (!this.#masters.includes(to)) this.#masters = [...this.#masters, to];
    return true;
  }

  /** Adopts the reply to `CLUSTER SLOTS`. @param from the replying node @returns the problem with the reply, if any */
  adopt(reply: Reply, from: RedisAddress): string | undefined {
    const owners: (ClusterNode | undefined)[] = new Array(SLOTS);
    const replicasByMaster = new Map<ClusterNode, readonly ClusterNode[]>();
    for (const range of Array.isArray(reply) ? reply : []) {
      if (!Array.isArray(range)) continue;
      const [start, end, ...members] = range;
      const [master, ...replicas] = members.map((member) => {
        const [host = null, port = null] = Array.isArray(member) ? member : [];
        return this.#nodeOf(host === null ? "" : String(host), Number(port), from);
      });
      if (master === undefined) continue;
      owners.fill(master, Number(start), Number(end) + 1);
      replicasByMaster.set(master, replicas);
    }
    if (replicasByMaster.size === 0) return "it returned no slots";
    this.#owners = owners;
    this.#masters = [...replicasByMaster.keys()];
    this.#replicasByMaster = replicasByMaster;
    return undefined;
  }

  /** @param host empty or "?" means the reporting node (`CLUSTER SLOTS`, "preferred endpoint") */
  #nodeOf(host: string, port: number, { target }: RedisAddress): ClusterNode {
    const isReporting = host === "" || host === "?";
    const reporting = "host" in target ? target.host : "127.0.0.1";
    const found = isReporting ? reporting : host;
    const name = `${found}:${port}`;
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const { tls, ...login } = this.#access;
    const address = {
      target: { host: found, port },
      ...login,
      database: 0,
      ...(tls && { tls: tlsAt(found, tls) }),
    };
    const node = { name, address };
    this.#nodes.set(name, node);
    return node;
  }
}
