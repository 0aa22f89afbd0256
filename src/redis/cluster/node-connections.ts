/**
 * Node connections of a router: one to each master of a cluster. A node that is no longer a master keeps its connection
 * briefly, for replies in flight; then it is closed, because the node may hang.
 */
import type { Logger } from "../../domain/logger.ts";
import { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import type { ClusterNode } from "./slot-map.ts";
import type { Topology } from "./topology.ts";

/** Events of nodes. */
export interface NodeHooks {
  /** Command sent first over each connection, such as one that enables tracking. */
  readonly setup?: readonly Argument[];
  /** A RESP3 push message arrived from a node. */
  readonly onPush?: (message: Reply[]) => void;
  /** The connection to a node is ready, for the first time or again. */
  readonly onNodeReady?: (node: ClusterNode, connection: Connection) => void;
  readonly onNodeLost?: () => void;
}

/** Options of `openNodeConnections`. */
export interface NodeConnectionsOptions extends NodeHooks {
  readonly topology: Topology;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  readonly logger: Logger;
  /** See `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  /** See `ConnectionOptions`. */
  readonly omitFrom?: number | undefined;
  /** A node is ready or the slot map changed: waiting commands may be sendable. */
  readonly onChange: () => void;
}

/** Connections to nodes. */
export interface NodeConnections {
  /** Returns the connection to a node, and opens it if needed. */
  at(node: ClusterNode): Connection;
  /** Like `at`, for an importing node that is not a master yet. */
  atImporting(node: ClusterNode): Connection;
  close(): void;
}

interface NodeConnection {
  readonly connection: Connection;
  /** Time since which it is neither a master nor used as one, on the clock of `performance.now()`. */
  leftAt: number | undefined;
}

/** Time (ms) for which a former master keeps its connection. */
const LEAVE_MS = 500;

/** Opens connections to all current and future masters. */
export function openNodeConnections(options: NodeConnectionsOptions): NodeConnections {
  const { topology, name, logger, stallMs, omitFrom, setup, onPush, onChange } = options;
  const connections = new Map<ClusterNode, NodeConnection>();
  let leaving: NodeJS.Timeout | undefined;

  function open(node: ClusterNode): NodeConnection {
    const known = connections.get(node);
    if (known !== undefined) return known;
    const connection = new Connection({
      address: node.address,
      name,
      logger,
      stallMs,
      omitFrom,
      // An unsent command returns to the router: another node may accept it.
      waitMs: 0,
      ...(onPush && { onPush }),
      onReady() {
        if (setup !== undefined) connection.send(setup, (error) => onSetUp(node, error));
        options.onNodeReady?.(node, connection);
        onChange();
      },
      onLost() {
        options.onNodeLost?.();
        topology.refresh();
      },
    });
    const entry: NodeConnection = { connection, leftAt: undefined };
    connections.set(node, entry);
    return entry;
  }

  function onSetUp(node: ClusterNode, error: Error | undefined): void {
    if (error instanceof ReplyError)
      logger.error(
        { node: node.name, connection: name, err: error },
        "a node does not support a command that the gateway needs",
      );
  }

  function onTopologyChange(): void {
    clearTimeout(leaving);
    leaving = undefined;
    const masters = new Set(topology.masters());
    for (const node of masters) open(node).leftAt = undefined;
    const now = performance.now();
    for (const [node, entry] of connections) {
      if (masters.has(node)) continue;
      entry.leftAt ??= now;
      if (now - entry.leftAt >= LEAVE_MS) {
        connections.delete(node);
        entry.connection.close();
      } else {
        leaving ??= setTimeout(onTopologyChange, LEAVE_MS);
      }
    }
    onChange();
  }

  const stopWatching = topology.watch(onTopologyChange);
  for (const node of topology.masters()) open(node);
  return {
    at: (node) => open(node).connection,
    atImporting(node) {
      const entry = open(node);
      entry.leftAt = undefined;
      return entry.connection;
    },
    close() {
      stopWatching();
      clearTimeout(leaving);
      for (const { connection } of connections.values()) connection.close();
    },
  };
}
