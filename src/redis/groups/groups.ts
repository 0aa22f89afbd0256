/** Consumer groups of a gateway: opens consumers, and reports groups and what is pending in them. */
import type { Logger } from "../../domain/logger.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import type { Store } from "../store.ts";
import type { GroupConnections } from "./commands/connections.ts";
import { GroupCommands } from "./commands/group-commands.ts";
import { type GroupBacklog, GroupRegistry } from "./commands/group-registry.ts";
import { Consumer } from "./consumer.ts";
import type { ConsumerOptions } from "./consumer-options.ts";
import type { Growth } from "./growth.ts";
import { type QueueCounters, WorkQueue } from "./work-queue.ts";

/** Consumer groups. All methods throw `GatewayError`. */
export interface Groups {
  /** Creates the group if needed, and opens a consumer. */
  open(options: ConsumerOptions): Promise<Consumer>;
  /** Returns the commands of a group, for clients without a connection. */
  commandsOf(key: string, group: string): GroupCommands;
  /** Delivers entries that were given back, after a delay. */
  givenBack(key: string, group: string, delayMs: number): void;
  /** Lists, inspects and removes groups. */
  readonly registry: GroupRegistry;
  /** Returns the backlog of each group with consumers here. A stream that cannot be read is left out. */
  backlogs(): Promise<readonly GroupBacklog[]>;
  /** Closes the consumers. */
  close(): Promise<void>;
}

/** Options of `createGroups`. */
export interface GroupsOptions {
  readonly store: Pick<Store, "reads" | "openGrowth" | "isSameServer">;
  readonly streamMaxLength: number;
  readonly sizes: EntrySizes;
  readonly counters: QueueCounters;
  readonly logger: Logger;
}

/** Creates the groups. Their connection is open while there are consumers. */
export function createGroups({ store, streamMaxLength, sizes, counters, logger }: GroupsOptions): Groups {
  const settling = store.reads;
  const registry = new GroupRegistry(settling);
  /** Queues by stream key, then by group. */
  const queues = new Map<string, Map<string, WorkQueue>>();
  let growth: Growth | undefined;
  const consumers = new Set<Consumer>();

  const all = () => [...queues.values()].flatMap((byGroup) => [...byGroup.values()]);

  function opened(): Growth {
    growth ??= store.openGrowth({
      onGrown(keys) {
        for (const key of keys) for (const queue of queues.get(key)?.values() ?? []) queue.grown();
      },
      onReady() {
        for (const queue of all()) queue.grown();
      },
    });
    return growth;
  }

  const connections: GroupConnections = {
    get live() {
      return opened().database;
    },
    get current() {
      return growth?.database ?? settling;
    },
    settling,
    atTurnEnd(task) {
      if (growth === undefined) setImmediate(task);
      else growth.atTurnEnd(task);
    },
    isSameServer: store.isSameServer,
    streamMaxLength,
  };

  const commandsOf = (key: string, group: string) =>
    queues.get(key)?.get(group)?.commands ?? new GroupCommands(key, group, connections);

  function queueOf(key: string, group: string): WorkQueue {
    const byGroup = queues.get(key) ?? new Map<string, WorkQueue>();
    queues.set(key, byGroup);
    const known = byGroup.get(group);
    if (known !== undefined) return known;
    const onProblem = (problem: string) =>
      logger.warn({ stream: key, group, problem }, "an entry cannot be moved to its dead-letter stream");
    const onScanFailed = (problem: string) =>
      logger.warn({ stream: key, group, problem }, "entries that other consumers left cannot be claimed");
    const queue = new WorkQueue(commandsOf(key, group), { sizes, counters, onProblem, onScanFailed });
    byGroup.set(group, queue);
    return queue;
  }

  function forget(streams: ConsumerOptions["streams"], group: string): void {
    for (const { key } of streams) {
      const byGroup = queues.get(key);
      if (byGroup?.get(group)?.isEmpty !== true) continue;
      byGroup.delete(group);
      if (byGroup.size === 0) queues.delete(key);
    }
    if (consumers.size > 0) return;
    growth?.close();
    growth = undefined;
  }

  return {
    async open(options) {
      const { streams, group, from } = options;
      const after = await Promise.all(streams.map(({ key }) => commandsOf(key, group).create(from)));
      // Started here, because an empty queue is forgotten.
      const consumer = new Consumer(
        options,
        streams.map(({ key }) => queueOf(key, group)),
        () => {
          consumers.delete(consumer);
          forget(streams, group);
        },
      );
      consumers.add(consumer);
      consumer.start(after);
      return consumer;
    },
    commandsOf,
    givenBack: (key, group, delayMs) => queues.get(key)?.get(group)?.scans.runIn(delayMs),
    registry,
    backlogs: () => registry.backlogs(queues),
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()));
      for (const queue of all()) queue.close();
      queues.clear();
      growth?.close();
      growth = undefined;
    },
  };
}
