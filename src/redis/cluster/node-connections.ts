/**
 * The connections that one kind of commands goes over in a cluster: one to each master. A node that is no master any more
 * keeps its own for a moment, since it mostly has answers to give; then it is cut off, as one that hangs has to be.
 */
import type { Logger } from "../../domain/logger.ts";
import { type Connection, openConnection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import type { ClusterMap, ClusterNode } from "./topology.ts";

/** What happens at nodes. */
export interface NodeHooks {
  /** Sent over each connection before anything else, such as what turns tracking on. */
  readonly greeting?: readonly Argument[];
  /** A RESP3 push message arrived from a node. */
  readonly onPush?: (message: Reply[]) => void;
  /** The connection to a node is there, for the first time or again. */
  readonly onNodeReady?: (node: ClusterNode) => void;
  readonly onNodeLost?: () => void;
}

/** What connections are made with. */
export interface NodesOptions extends NodeHooks {
  readonly map: ClusterMap;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  readonly logger: Logger;
  /** As of `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  /** A node is ready, or the map has been told: something may be possible that was not. */
  readonly onChange: () => void;
}

/** Connections to nodes. */
export interface ClusterNodes {
  /** The connection to a node, which is opened where there is none. */
  at(node: ClusterNode): Connection;
  /** The same, of a node that is used though it is no master yet. */
  atComing(node: ClusterNode): Connection;
  close(): void;
}

interface Place {
  readonly connection: Connection;
  /** Since when it is no master and not used as one, in ms of `performance.now()`. */
  leftAt: number | undefined;
}

/** How long (ms) a node that is no master any more keeps its connection. */
const LEAVE_MS = 500;

/** Opens connections to all masters, of now and to come. */
export function openClusterNodes(options: NodesOptions): ClusterNodes {
  const { map, name, logger, stallMs, greeting, onPush, onChange } = options;
  const places = new Map<ClusterNode, Place>();
  let leaving: NodeJS.Timeout | undefined;

  function open(node: ClusterNode): Place {
    const known = places.get(node);
    if (known !== undefined) return known;
    const connection = openConnection({
      address: node.address,
      name,
      logger,
      stallMs,
      // What cannot be sent is for whoever sends it: another node may take it.
      waitMs: 0,
      ...(onPush && { onPush }),
      onReady() {
        if (greeting !== undefined) connection.send(greeting, (error) => greeted(node, error));
        options.onNodeReady?.(node);
        onChange();
      },
      onLost() {
        options.onNodeLost?.();
        map.refresh();
      },
    });
    const place: Place = { connection, leftAt: undefined };
    places.set(node, place);
    return place;
  }

  function greeted(node: ClusterNode, error: Error | undefined): void {
    if (error instanceof ReplyError)
      logger.error(
        { node: node.name, connection: name, err: error },
        "a node cannot do what the gateway needs",
      );
  }

  function mapTold(): void {
    clearTimeout(leaving);
    leaving = undefined;
    const masters = new Set(map.masters());
    for (const node of masters) open(node).leftAt = undefined;
    const now = performance.now();
    for (const [node, place] of places) {
      if (masters.has(node)) continue;
      place.leftAt ??= now;
      if (now - place.leftAt >= LEAVE_MS) {
        places.delete(node);
        place.connection.close();
      } else {
        leaving ??= setTimeout(mapTold, LEAVE_MS);
      }
    }
    onChange();
  }

  const stopWatching = map.watch(mapTold);
  for (const node of map.masters()) open(node);
  return {
    at: (node) => open(node).connection,
    atComing(node) {
      const place = open(node);
      place.leftAt = undefined;
      return place.connection;
    },
    close() {
      stopWatching();
      clearTimeout(leaving);
      for (const { connection } of places.values()) connection.close();
    },
  };
}
