/**
 * Replica pool: reads history from replicas, to reduce the load on their masters. A replica may lag or hang, so a missing
 * entry proves nothing: callers use what the replica has and read the rest from the master.
 */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../../domain/logger.ts";
import { within } from "../../domain/scheduling/timeout.ts";
import { describeAddress, type RedisAddress } from "../address/redis-url.ts";
import { Connection } from "../resp/connection.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/** Reads from replicas. */
export interface ReplicaReads {
  /**
   * Sends commands, in one write, to one replica of the master that owns a key.
   *
   * @returns undefined if there is no replica, or it rejects the commands or does not reply in time
   */
  read(key: string, ...commands: readonly (readonly Argument[])[]): Promise<readonly Reply[] | undefined>;
}

/** Connections to replicas. */
export interface ReplicaPool {
  /** Connects to exactly these replicas. */
  keep(addresses: readonly RedisAddress[]): void;
  /** Like `ReplicaReads.read`, with one of these replicas. */
  read(
    among: readonly RedisAddress[],
    commands: readonly (readonly Argument[])[],
  ): Promise<readonly Reply[] | undefined>;
  close(): void;
}

/** A replica that does not reply within `ANSWER_MS` is not used for `REST_MS`. */
const ANSWER_MS = 1000;
const REST_MS = 10_000;

interface Replica {
  readonly address: RedisAddress;
  readonly connection: Connection;
  restsUntil: number;
}

/** Creates an empty pool. @param setup sent first over each connection, such as READONLY in a cluster */
export function createReplicaPool(logger: Logger, setup?: readonly Argument[]): ReplicaPool {
  const replicas = new Map<string, Replica>();
  let next = 0;

  function open(address: RedisAddress): Replica {
    const connection = new Connection({
      address,
      logger,
      name: "replica",
      // Do not wait for a replica: the master can serve the read.
      waitMs: 0,
      onReady() {
        if (setup !== undefined) connection.send(setup, () => undefined);
      },
    });
    return { address, connection, restsUntil: 0 };
  }

  function pick(among: readonly RedisAddress[]): Replica | undefined {
    const now = performance.now();
    const usable = among.flatMap((address) => {
      const replica = replicas.get(describeAddress(address));
      return replica?.connection.isReady() === true && replica.restsUntil <= now ? [replica] : [];
    });
    return usable[next++ % usable.length];
  }

  return {
    keep(addresses) {
      const current = new Map(addresses.map((address) => [describeAddress(address), address]));
      for (const [name, { address, connection }] of replicas) {
        if (isDeepStrictEqual(current.get(name), address)) continue;
        replicas.delete(name);
        connection.close();
      }
      for (const [name, address] of current) if (!replicas.has(name)) replicas.set(name, open(address));
    },

    async read(among, commands) {
      const replica = pick(among);
      if (replica === undefined) return undefined;
      const answers = Promise.all(commands.map((command) => replica.connection.call(...command)));
      try {
        const found = await within(ANSWER_MS, answers);
        if (found !== undefined) return found;
        replica.restsUntil = performance.now() + REST_MS;
        logger.warn(
          { replica: describeAddress(replica.address) },
          "a replica does not reply in time; reading from its master",
        );
        return undefined;
      } catch {
        // The replica is loading its data, is no longer a replica, or its connection was lost.
        return undefined;
      } finally {
        answers.catch(() => undefined);
      }
    },

    close() {
      for (const { connection } of replicas.values()) connection.close();
      replicas.clear();
    },
  };
}
