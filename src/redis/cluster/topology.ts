/**
 * Which node of a cluster has which slots. The map is asked of any node that answers, once a second, so that a change is
 * seen also where no command is refused; and at once where one is.
 */

import type { Logger } from "../../domain/logger.ts";
import { SLOTS } from "../hash-slot.ts";
import { describeAddress, type RedisAddress, tlsAt } from "../redis-url.ts";
import { type Connection, openConnection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { ClusterPlace } from "./url.ts";

/** A node. There is one object for each address. */
export interface ClusterNode {
  /** `host:port` */
  readonly name: string;
  readonly address: RedisAddress;
}

/** The map of the moment. */
export interface ClusterMap {
  /** The master of a slot; undefined where nobody has said so yet. */
  ownerOf(slot: number): ClusterNode | undefined;
  /** The nodes that have slots. */
  masters(): readonly ClusterNode[];
  /** Those that follow the master of a slot. */
  replicasOf(slot: number): readonly ClusterNode[];
  /** All that follow a master. */
  replicas(): readonly ClusterNode[];
  /** The node at an address as a redirection says it, `host:port`; without a host, that of who says it. */
  nodeAt(text: string, saidBy: ClusterNode): ClusterNode | undefined;
  /** A node has said that a slot is another one's. */
  moved(slot: number, to: ClusterNode): void;
  /** Asks, now. */
  refresh(): void;
  /** Calls back whenever a node has answered or a slot has moved, until what it returns is called. */
  watch(told: () => void): () => void;
  close(): void;
}

/** How long (ms) between two answers, when nothing else makes it ask. */
const POLL_MS = 1000;
/** A node that does not answer for so long (ms) is left for another one. */
const ANSWER_MS = 1000;
/** Between two questions at least, in ms. */
const NEXT_MS = 50;
/** So many in a row that do not answer are no accident, and told. */
const FAILURES_TOLD = 4;

/** Opens the map. It has nothing until the first node answers. */
export function openClusterMap({ seeds }: ClusterPlace, logger: Logger): ClusterMap {
  const [{ tls, username, password } = {}] = seeds;
  const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  const nodes = new Map<string, ClusterNode>();
  const listeners = new Set<() => void>();
  let owners: (ClusterNode | undefined)[] = [];
  let masters: readonly ClusterNode[] = [];
  let replicasByMaster: ReadonlyMap<ClusterNode, readonly ClusterNode[]> = new Map();
  /** The one that is asked. */
  let asked: { readonly address: RedisAddress; readonly connection: Connection } | undefined;
  let isAsking = false;
  let isAskedAgain = false;
  /** How many in a row did not answer. */
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let late: NodeJS.Timeout | undefined;
  let isClosed = false;
  /** When a node was asked last, in ms of `performance.now()`. */
  let askedAt = Number.NEGATIVE_INFINITY;
  /** Ends the question that is under way without an answer. */
  let fail: (reason: string) => void = () => undefined;
  /** What the connection says of itself is told here, once for all nodes; and a node that is not reached is left. */
  const hear = (fields: object): void => {
    if (!("reason" in fields)) return;
    const reason = String(fields.reason);
    // Not within the connection's call, which is not over yet.
    queueMicrotask(() => leave(reason));
  };
  const listening: Logger = { debug: hear, info: hear, warn: hear, error: hear };

  function leave(reason: string): void {
    if (asked === undefined || isClosed || asked.connection.isReady()) return;
    if (isAsking) {
      fail(reason);
      return;
    }
    asked.connection.close();
    asked = undefined;
    askSoon();
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

  /** The one to ask next: each that did not answer moves it on by one. */
  function next(): RedisAddress | undefined {
    const known = [...masters, ...[...replicasByMaster.values()].flat()].map(({ address }) => address);
    const candidates = [...known, ...seeds];
    return candidates[failures % candidates.length];
  }

  /** Asks, unless somebody was asked a moment ago: then in a moment. */
  function askSoon(): void {
    if (isClosed) return;
    isAskedAgain = isAsking;
    if (isAsking) return;
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(0, askedAt + NEXT_MS - performance.now()));
  }

  function ask(): void {
    const address = asked?.address ?? next();
    if (address === undefined) return;
    const connection =
      asked?.connection ?? openConnection({ address, logger: listening, name: "map", waitMs: ANSWER_MS });
    asked = { address, connection };
    askedAt = performance.now();
    isAsking = true;
    const answered = (error: Error | undefined, reply: Reply): void => {
      if (!isAsking || isClosed || asked?.connection !== connection) return;
      isAsking = false;
      clearTimeout(late);
      const problem = error?.message ?? adopt(reply, address);
      if (problem === undefined) known(address);
      else unknown(address, problem, error instanceof ReplyError);
      // Who was just told may have asked for more.
      clearTimeout(timer);
      timer = setTimeout(ask, problem !== undefined || isAskedAgain ? NEXT_MS : POLL_MS);
      isAskedAgain = false;
    };
    fail = (reason) => answered(new Error(reason), null);
    late = setTimeout(fail, ANSWER_MS, "it does not answer");
    connection.send(["CLUSTER", "SLOTS"], answered);
  }

  function known(address: RedisAddress): void {
    if (failures >= FAILURES_TOLD)
      logger.info({ node: describeAddress(address) }, "the cluster's map is known again");
    failures = 0;
    for (const told of listeners) told();
  }

  function unknown(address: RedisAddress, reason: string, isRefused: boolean): void {
    asked?.connection.close();
    asked = undefined;
    failures++;
    const fields = { node: describeAddress(address), reason };
    const isNews = failures === FAILURES_TOLD || (isRefused && failures === 1);
    if (isNews) logger.warn(fields, "a node does not tell the cluster's map");
    else logger.debug(fields, "a node does not tell the cluster's map");
  }

  /** @returns what is wrong with the answer */
  function adopt(reply: Reply, from: RedisAddress): string | undefined {
    const ownHost = "host" in from.target ? from.target.host : "127.0.0.1";
    const found: (ClusterNode | undefined)[] = new Array(SLOTS);
    const followers = new Map<ClusterNode, readonly ClusterNode[]>();
    for (const range of Array.isArray(reply) ? reply : []) {
      if (!Array.isArray(range)) continue;
      const [start, end, ...members] = range;
      const [master, ...others] = members.map((member) => {
        const [host = null, port = null] = Array.isArray(member) ? member : [];
        // No name, or "?", means the node that says so (CLUSTER SLOTS, "preferred endpoint").
        const text = host === null ? "" : String(host);
        return nodeOf(text === "" || text === "?" ? ownHost : text, Number(port));
      });
      if (master === undefined) continue;
      for (let slot = Number(start); slot <= Number(end); slot++) found[slot] = master;
      followers.set(master, others);
    }
    if (followers.size === 0) return "it has no slots to tell of";
    owners = found;
    masters = [...followers.keys()];
    replicasByMaster = followers;
    return undefined;
  }

  ask();
  return {
    ownerOf: (slot) => owners[slot],
    masters: () => masters,
    replicasOf(slot) {
      const owner = owners[slot];
      return owner === undefined ? [] : (replicasByMaster.get(owner) ?? []);
    },
    replicas: () => [...replicasByMaster.values()].flat(),
    nodeAt(text, saidBy) {
      const colon = text.lastIndexOf(":");
      const port = Number(text.slice(colon + 1));
      if (colon < 0 || !(port > 0 && port < 65_536)) return undefined;
      const own = "host" in saidBy.address.target ? saidBy.address.target.host : "";
      const host = text.slice(0, colon);
      return nodeOf(host === "" || host === "?" ? own : host, port);
    },
    moved(slot, to) {
      if (owners[slot] === to) return;
      owners[slot] = to;
      if (!masters.includes(to)) masters = [...masters, to];
      for (const told of listeners) told();
      askSoon();
    },
    refresh: askSoon,
    watch(told) {
      listeners.add(told);
      return () => listeners.delete(told);
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(late);
      asked?.connection.close();
    },
  };
}
