/** Consumer groups of a gateway: opens consumers, and reports groups and their pending entries. */
import type { GroupCommands } from "./commands/group-commands.ts";
import { type GroupBacklog, GroupRegistry } from "./commands/group-registry.ts";
import { Consumer } from "./consumer.ts";
import type { ConsumerOptions } from "./consumer-options.ts";
import { WorkQueues, type WorkQueuesOptions } from "./work-queues.ts";

/** Consumer groups. All methods throw `GatewayError`. */
export interface Groups {
  /** Creates the group if needed, and opens a consumer. */
  open(options: ConsumerOptions): Promise<Consumer>;
  /** Returns the commands of a group, for clients without a connection. */
  commandsOf(key: string, group: string): GroupCommands;
  /** Delivers returned entries, after a delay. */
  givenBack(key: string, group: string, delayMs: number): void;
  /** Lists, inspects and removes groups. */
  readonly registry: GroupRegistry;
  /** Returns the backlog of each group with consumers here. A stream that cannot be read is left out. */
  backlogs(): Promise<readonly GroupBacklog[]>;
  /** Closes the consumers. */
  close(): Promise<void>;
}

/** Creates the groups. Their connection is open while there are consumers. */
export function createGroups(parts: WorkQueuesOptions): Groups {
  const queues = new WorkQueues(parts);
  const registry = new GroupRegistry(parts.store.reads);
  const consumers = new Set<Consumer>();

  function ended(consumer: Consumer, { streams, group }: ConsumerOptions): void {
    consumers.delete(consumer);
    for (const { key } of streams) queues.removeIfEmpty(key, group);
    if (consumers.size === 0) queues.disconnect();
  }

  return {
    async open(options) {
      const { streams, group, from } = options;
      const after = await Promise.all(streams.map(({ key }) => queues.commandsOf(key, group).create(from)));
      // Started here, because an empty queue is forgotten.
      const consumer = new Consumer(
        options,
        streams.map(({ key }) => queues.queueOf(key, group)),
        () => ended(consumer, options),
        parts,
      );
      consumers.add(consumer);
      consumer.start(after);
      return consumer;
    },
    commandsOf: (key, group) => queues.commandsOf(key, group),
    givenBack: (key, group, delayMs) => queues.find(key, group)?.scans.runIn(delayMs),
    registry,
    backlogs: () => registry.backlogs(queues.groups),
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()));
      queues.close();
    },
  };
}
