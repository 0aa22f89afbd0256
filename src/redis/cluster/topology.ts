/**
 * Slot map of a cluster. It is read from any node that replies, once a second, so that a change is detected even without
 * a redirection, and immediately after a redirection.
 */

import type { Logger } from "../../domain/logger.ts";
import { SLOTS } from "../hash-slot.ts";
import { describeAddress, type RedisAddress, tlsAt } from "../redis-url.ts";
import { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { ClusterEndpoint } from "./url.ts";

/** A cluster node; one object per address. */
export interface ClusterNode {
  /** `host:port` */
  readonly name: string;
  readonly address: RedisAddress;
}

/** Current slot map. */
export interface ClusterMap {
  /** Master of a slot; undefined if unknown. */
  ownerOf(slot: number): ClusterNode | undefined;
  /** Nodes that own slots. */
  masters(): readonly ClusterNode[];
  /** Replicas of a slot's master. */
  replicasOf(slot: number): readonly ClusterNode[];
  /** All replicas. */
  replicas(): readonly ClusterNode[];
  /** Node of a redirection's address `host:port`; without a host, it is the host of the redirecting node. */
  nodeAt(text: string, redirectedBy: ClusterNode): ClusterNode | undefined;
  /** Call when a node redirected a slot to another one. */
  moved(slot: number, to: ClusterNode): void;
  /** Requests a new map. */
  refresh(): void;
  /** Calls back after each map update. @returns a function that unsubscribes */
  watch(listener: () => void): () => void;
  close(): void;
}

/** Interval (ms) of regular requests. */
const POLL_MS = 1000;
/** Time (ms) without a reply after which another node is queried. */
const ANSWER_MS = 1000;
/** Minimum time (ms) between two requests. */
const NEXT_MS = 50;
/** Consecutive failures before a warning is logged. */
const FAILURES_LOGGED = 4;

/** Opens the map. It is empty until the first node replies. */
export function openClusterMap({ seeds }: ClusterEndpoint, logger: Logger): ClusterMap {
  const [{ tls, username, password } = {}] = seeds;
  const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  const nodes = new Map<string, ClusterNode>();
  const listeners = new Set<() => void>();
  let owners: (ClusterNode | undefined)[] = [];
  let masters: readonly ClusterNode[] = [];
  let replicasByMaster: ReadonlyMap<ClusterNode, readonly ClusterNode[]> = new Map();
  /** The node that is queried. */
  let source: { readonly address: RedisAddress; readonly connection: Connection } | undefined;
  let isRequesting = false;
  let isRequestedAgain = false;
  /** Consecutive failures. */
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let late: NodeJS.Timeout | undefined;
  let isClosed = false;
  /** Time of the last request, on the clock of `performance.now()`. */
  let requestedAt = Number.NEGATIVE_INFINITY;
  /** Fails the request in flight. */
  let fail: (reason: string) => void = () => undefined;
  /** Logger of the connection: this module logs failures once for all nodes, and leaves an unreachable node. */
  const onLog = (fields: object): void => {
    if (!("reason" in fields)) return;
    const reason = String(fields.reason);
    // Asynchronous, because the connection's call has not returned yet.
    queueMicrotask(() => leaveNode(reason));
  };
  const listening: Logger = { debug: onLog, info: onLog, warn: onLog, error: onLog };

  function leaveNode(reason: string): void {
    if (source === undefined || isClosed || source.connection.isReady()) return;
    if (isRequesting) {
      fail(reason);
      return;
    }
    source.connection.close();
    source = undefined;
    requestSoon();
  }

  function nodeOf(host: string, port: number): ClusterNode {
    const name = `${host}:${port}`;
    const known = nodes.get(name);
    if (known !== undefined) return known;
    const address = { target: { host, port }, ...login, database: 0, ...(tls && { tls: tlsAt(host, tls) }) };
    const node = { name, address };
    nodes.set(name, node);
    return node;
  }

  /** Address to query next; each failure advances it by one. */
  function next(): RedisAddress | undefined {
    const known = [...masters, ...[...replicasByMaster.values()].flat()].map(({ address }) => address);
    const candidates = [...known, ...seeds];
    return candidates[failures % candidates.length];
  }

  /** Requests the map now, or after `NEXT_MS` since the last request. */
  function requestSoon(): void {
    if (isClosed) return;
    isRequestedAgain = isRequesting;
    if (isRequesting) return;
    clearTimeout(timer);
    timer = setTimeout(request, Math.max(0, requestedAt + NEXT_MS - performance.now()));
  }

  function request(): void {
    const address = source?.address ?? next();
    if (address === undefined) return;
    const connection =
      source?.connection ?? new Connection({ address, logger: listening, name: "map", waitMs: ANSWER_MS });
    source = { address, connection };
    requestedAt = performance.now();
    isRequesting = true;
    const answered = (error: Error | undefined, reply: Reply): void => {
      if (!isRequesting || isClosed || source?.connection !== connection) return;
      isRequesting = false;
      clearTimeout(late);
      const problem = error?.message ?? adopt(reply, address);
      if (problem === undefined) known(address);
      else unknown(address, problem, error instanceof ReplyError);
      // A listener may have requested another refresh.
      clearTimeout(timer);
      timer = setTimeout(request, problem !== undefined || isRequestedAgain ? NEXT_MS : POLL_MS);
      isRequestedAgain = false;
    };
    fail = (reason) => answered(new Error(reason), null);
    late = setTimeout(fail, ANSWER_MS, "it does not reply");
    connection.send(["CLUSTER", "SLOTS"], answered);
  }

  function known(address: RedisAddress): void {
    if (failures >= FAILURES_LOGGED)
      logger.info({ node: describeAddress(address) }, "the cluster's slot map is available again");
    failures = 0;
    for (const listener of listeners) listener();
  }

  function unknown(address: RedisAddress, reason: string, isRejected: boolean): void {
    source?.connection.close();
    source = undefined;
    failures++;
    const fields = { node: describeAddress(address), reason };
    const isNews = failures === FAILURES_LOGGED || (isRejected && failures === 1);
    if (isNews) logger.warn(fields, "a node does not return the cluster's slot map");
    else logger.debug(fields, "a node does not return the cluster's slot map");
  }

  /** Parses and adopts a map. @returns the problem with the reply, if any */
  function adopt(reply: Reply, from: RedisAddress): string | undefined {
    const ownHost = "host" in from.target ? from.target.host : "127.0.0.1";
    const found: (ClusterNode | undefined)[] = new Array(SLOTS);
    const followers = new Map<ClusterNode, readonly ClusterNode[]>();
    for (const range of Array.isArray(reply) ? reply : []) {
      if (!Array.isArray(range)) continue;
      const [start, end, ...members] = range;
      const [master, ...others] = members.map((member) => {
        const [host = null, port = null] = Array.isArray(member) ? member : [];
        // No name, or "?", means the replying node (CLUSTER SLOTS, "preferred endpoint").
        const text = host === null ? "" : String(host);
        return nodeOf(text === "" || text === "?" ? ownHost : text, Number(port));
      });
      if (master === undefined) continue;
      for (let slot = Number(start); slot <= Number(end); slot++) found[slot] = master;
      followers.set(master, others);
    }
    if (followers.size === 0) return "it returned no slots";
    owners = found;
    masters = [...followers.keys()];
    replicasByMaster = followers;
    return undefined;
  }

  request();
  return {
    ownerOf: (slot) => owners[slot],
    masters: () => masters,
    replicasOf(slot) {
      const owner = owners[slot];
      return owner === undefined ? [] : (replicasByMaster.get(owner) ?? []);
    },
    replicas: () => [...replicasByMaster.values()].flat(),
    nodeAt(text, redirectedBy) {
      const colon = text.lastIndexOf(":");
      const port = Number(text.slice(colon + 1));
      if (colon < 0 || !(port > 0 && port < 65_536)) return undefined;
      const own = "host" in redirectedBy.address.target ? redirectedBy.address.target.host : "";
      const host = text.slice(0, colon);
      return nodeOf(host === "" || host === "?" ? own : host, port);
    },
    moved(slot, to) {
      if (owners[slot] === to) return;
      owners[slot] = to;
      if (!masters.includes(to)) masters = [...masters, to];
      for (const listener of listeners) listener();
      requestSoon();
    },
    refresh: requestSoon,
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(late);
      source?.connection.close();
    },
  };
}
