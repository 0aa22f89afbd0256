/**
 * Replicas that pages of history are read from, to spare their masters. A replica may be behind, or hang, and what it has
 * not got is no answer: who asks here takes what is there and asks the master for the rest.
 */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../../domain/logger.ts";
import { describeAddress, type RedisAddress } from "../redis-url.ts";
import { type Connection, openConnection } from "../resp/connection.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";

/** Asks replicas. */
export interface ReplicaReads {
  /**
   * Asks one replica of the master that has a key, all in one write.
   *
   * @returns undefined where there is no replica, it refuses, or does not answer in time
   */
  ask(key: string, ...commands: readonly (readonly Argument[])[]): Promise<readonly Reply[] | undefined>;
}

/** Connections to replicas. */
export interface ReplicaPool {
  /** Makes these the replicas there are. */
  keep(addresses: readonly RedisAddress[]): void;
  /** As `ReplicaReads.ask`, of one of these. */
  ask(
    among: readonly RedisAddress[],
    commands: readonly (readonly Argument[])[],
  ): Promise<readonly Reply[] | undefined>;
  close(): void;
}

/** A replica that has not answered within this time (ms) is left alone for a while (ms). */
const ANSWER_MS = 1000;
const REST_MS = 10_000;

interface Replica {
  readonly address: RedisAddress;
  readonly connection: Connection;
  restsUntil: number;
}

/** Makes a pool of no replicas. @param greeting sent over each connection first, such as READONLY in a cluster */
export function createReplicaPool(logger: Logger, greeting?: readonly Argument[]): ReplicaPool {
  const replicas = new Map<string, Replica>();
  let turn = 0;

  function open(address: RedisAddress): Replica {
    const connection = openConnection({
      address,
      logger,
      name: "replica",
      // Nobody waits for a replica: the master is there.
      waitMs: 0,
      onReady() {
        if (greeting !== undefined) connection.send(greeting, () => undefined);
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
    return usable[turn++ % usable.length];
  }

  return {
    keep(addresses) {
      const wanted = new Map(addresses.map((address) => [describeAddress(address), address]));
      for (const [name, { address, connection }] of replicas) {
        if (isDeepStrictEqual(wanted.get(name), address)) continue;
        replicas.delete(name);
        connection.close();
      }
      for (const [name, address] of wanted) if (!replicas.has(name)) replicas.set(name, open(address));
    },

    async ask(among, commands) {
      const replica = pick(among);
      if (replica === undefined) return undefined;
      let late: NodeJS.Timeout | undefined;
      const tooLate = new Promise<undefined>((resolve) => {
        late = setTimeout(() => {
          replica.restsUntil = performance.now() + REST_MS;
          logger.warn(
            { replica: describeAddress(replica.address) },
            "a replica does not answer; its master is read",
          );
          resolve(undefined);
        }, ANSWER_MS);
      });
      const answers = Promise.all(commands.map((command) => replica.connection.call(...command)));
      try {
        return await Promise.race([answers, tooLate]);
      } catch {
        // It loads its data, is no replica any more, or is gone.
        return undefined;
      } finally {
        clearTimeout(late);
        answers.catch(() => undefined);
      }
    },

    close() {
      for (const { connection } of replicas.values()) connection.close();
      replicas.clear();
    },
  };
}
