/** Work queues of a gateway by stream and group, and the connection over which they read, open while there are consumers. */
import type { Logger } from "../../domain/logger.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import type { Store } from "../store.ts";
import type { GroupConnections } from "./commands/connections.ts";
import { GroupCommands } from "./commands/group-commands.ts";
import type { Growth } from "./growth.ts";
import { type QueueCounters, WorkQueue } from "./work-queue.ts";

/** Options of `WorkQueues`. */
export interface WorkQueuesOptions {
  readonly store: Pick<Store, "reads" | "openGrowth" | "isSameServer">;
  readonly streamMaxLength: number;
  readonly sizes: EntrySizes;
  readonly counters: QueueCounters;
  readonly logger: Logger;
}

/** Work queues that have consumers at this gateway. */
export class WorkQueues {
  readonly #options: WorkQueuesOptions;
  readonly #connections: GroupConnections;
  /** Queues by stream key, then by group. */
  readonly #queues = new Map<string, Map<string, WorkQueue>>();
  #growth: Growth | undefined;

  constructor(options: WorkQueuesOptions) {
    this.#options = options;
    this.#connections = this.#createConnections();
  }

  /** Groups with a queue, by stream key. */
  get groups(): Iterable<readonly [key: string, groups: { has(group: string): boolean }]> {
    return this.#queues;
  }

  /** Returns the commands of a group, which need no queue. */
  commandsOf(key: string, group: string): GroupCommands {
    return this.find(key, group)?.commands ?? new GroupCommands(key, group, this.#connections);
  }

  /** Returns the queue of a group, if it has one. */
  find(key: string, group: string): WorkQueue | undefined {
    return this.#queues.get(key)?.get(group);
  }

  /** Returns the queue of a group, and creates it if needed. */
  queueOf(key: string, group: string): WorkQueue {
    const byGroup = this.#queues.get(key) ?? new Map<string, WorkQueue>();
    this.#queues.set(key, byGroup);
    const known = byGroup.get(group);
    if (known !== undefined) return known;
    const { sizes, counters, logger } = this.#options;
    const onProblem = (problem: string) =>
      logger.warn({ stream: key, group, problem }, "an entry cannot be moved to its dead-letter stream");
    const onScanFailed = (problem: string) =>
      logger.warn(
        { stream: key, group, problem },
        "cannot claim the entries of other consumers; they are not delivered again for now",
      );
    const commands = this.commandsOf(key, group);
    const queue = new WorkQueue(commands, { sizes, counters, onProblem, onScanFailed });
    byGroup.set(group, queue);
    return queue;
  }

  /** Removes the queue of a group if it has no consumers. */
  removeIfEmpty(key: string, group: string): void {
    const byGroup = this.#queues.get(key);
    if (byGroup?.get(group)?.isEmpty !== true) return;
    byGroup.delete(group);
    if (byGroup.size === 0) this.#queues.delete(key);
  }

  /** Closes the connection. The next queue that reads opens another one. */
  disconnect(): void {
    this.#growth?.close();
    this.#growth = undefined;
  }

  close(): void {
    for (const queue of this.#all()) queue.close();
    this.#queues.clear();
    this.disconnect();
  }

  #createConnections(): GroupConnections {
    const { store, streamMaxLength } = this.#options;
    const settling = store.reads;
    const opened = () => this.#opened();
    const current = () => this.#growth;
    return {
      get live() {
        return opened().database;
      },
      get current() {
        return current()?.database ?? settling;
      },
      settling,
      atTurnEnd(task) {
        const growth = current();
        if (growth === undefined) setImmediate(task);
        else growth.atTurnEnd(task);
      },
      isSameServer: store.isSameServer,
      streamMaxLength,
    };
  }

  #opened(): Growth {
    this.#growth ??= this.#options.store.openGrowth({
      onGrown: (keys) => {
        for (const key of keys) for (const queue of this.#queues.get(key)?.values() ?? []) queue.grown();
      },
      onReady: () => {
        for (const queue of this.#all()) queue.grown();
      },
    });
    return this.#growth;
  }

  #all(): WorkQueue[] {
    return [...this.#queues.values()].flatMap((byGroup) => [...byGroup.values()]);
  }
}
