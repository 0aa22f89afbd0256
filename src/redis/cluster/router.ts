/**
 * Cluster router: sends each command to the node that owns its key, over one connection per node, and follows redirections.
 * The commands of one key stay in order (`key-queue.ts`). If a node is unreachable, commands wait a bounded time for it or
 * its successor. A command whose reply was lost is not sent again.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { sleep } from "../../domain/scheduling/sleep.ts";
import { keyOf } from "../resp/command-key.ts";
import { type Done, redisUnavailable } from "../resp/command-result.ts";
import type { Commands, Database } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { TransactionDone } from "../resp/transaction.ts";
import type { Argument, CommandWriter } from "../resp/writer.ts";
import { slotOf } from "./hash-slot.ts";
import { KeyQueue, PAUSE_MS, type RoutedCommand, type Routing } from "./key-queue.ts";
import { type NodeConnections, type NodeHooks, openNodeConnections } from "./node-connections.ts";
import { redirectionOf } from "./redirect.ts";
import type { ClusterNode } from "./slot-map.ts";
import type { Topology } from "./topology.ts";

/** Events of a router's nodes. */
export interface RouterHooks extends NodeHooks {
  /** A command was sent to the importing node of its key's slot (`ASK`). */
  readonly onAskRedirect?: (key: string) => void;
}

/** Options of a router. */
export interface RouterOptions extends RouterHooks {
  readonly topology: Topology;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  readonly logger: Logger;
  /** Time (ms) that a command waits for a node that accepts it. */
  readonly waitMs: number;
  /** See `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  /** See `ConnectionOptions`. */
  readonly omitFrom?: number | undefined;
  /** The order of a key's commands matters: a command that would run after a later one fails instead. */
  readonly isOrdered?: boolean;
}

/** Interval (ms) at which waiting commands are checked. */
const SWEEP_MS = PAUSE_MS;
/** Key slots remembered; above this, all are computed again. */
const MAX_SLOTS = 20_000;

/** Sends commands to a cluster. */
export class ClusterRouter implements Database {
  readonly #topology: Topology;
  readonly #waitMs: number;
  readonly #nodes: NodeConnections;
  readonly #routing: Routing;
  /** Queues with unanswered commands. */
  readonly #queues = new Map<string, KeyQueue>();
  /** Queues with waiting commands. */
  readonly #waiting = new Set<KeyQueue>();
  readonly #slots = new Map<string, number>();
  #sweeping: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: RouterOptions) {
    const { topology, waitMs, isOrdered = false, onAskRedirect } = options;
    this.#topology = topology;
    this.#waitMs = waitMs;
    this.#nodes = openNodeConnections({ ...options, onChange: () => this.#advanceWaiting() });
    this.#routing = {
      topology,
      nodes: this.#nodes,
      isOrdered,
      isClosed: () => this.#isClosed,
      onAskRedirect,
      onChange: (queue) => this.#onQueueChange(queue),
    };
  }

  /** The node that owns a key, as far as is known. */
  nodeOf(key: string): ClusterNode | undefined {
    return this.#topology.ownerOf(this.#slotAt(key));
  }

  /** Sends a command that `encode` writes directly; it may be called more than once. */
  sendEncoded(key: string, encode: (out: CommandWriter) => void, done: Done): void {
    this.#route(key, (node, answered) => node.sendEncoded(encode, answered), done);
  }

  send(args: readonly Argument[], done: Done): void {
    this.sendEncoded(keyOf(args), (out) => out.command(args), done);
  }

  call(...args: readonly Argument[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.send(args, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void {
    this.#route(
      keyOf(commands[0] ?? []),
      // A node redirects while queueing the commands. ASKING applies until the transaction ends.
      (node, answered) => node.transact(commands, (error, replies) => answered(error, [...replies])),
      (error, reply) => done(error, Array.isArray(reply) ? reply : []),
    );
  }

  async onEach<T>(run: (server: Commands) => Promise<T>): Promise<readonly T[]> {
    const deadline = performance.now() + this.#waitMs;
    for (;;) {
      const masters = this.#topology.masters().map((node) => this.#nodes.at(node));
      try {
        if (masters.length === 0 || !masters.every((one) => one.isReady())) throw redisUnavailable();
        return await Promise.all(masters.map(run));
      } catch (error) {
        if (this.#isClosed || performance.now() >= deadline || !isTemporary(error)) throw error;
        await sleep(SWEEP_MS);
      }
    }
  }

  async inOrder(commands: readonly (readonly Argument[])[]): Promise<readonly Reply[]> {
    const replies: Reply[] = [];
    for (const command of commands) replies.push(await this.call(...command));
    return replies;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#sweeping);
    this.#nodes.close();
    for (const queue of this.#queues.values()) queue.fail();
    this.#queues.clear();
    this.#waiting.clear();
  }

  #route(key: string, sendTo: RoutedCommand["sendTo"], done: Done): void {
    if (this.#isClosed) {
      queueMicrotask(() => done(redisUnavailable(), null));
      return;
    }
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new KeyQueue(key, this.#slotAt(key), this.#routing);
      this.#queues.set(key, queue);
    }
    const deadline = performance.now() + this.#waitMs;
    queue.add({ sendTo, done, deadline, redirections: 0, importing: undefined });
  }

  #slotAt(key: string): number {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = slotOf(key);
    if (this.#slots.size >= MAX_SLOTS) this.#slots.clear();
    this.#slots.set(key, slot);
    return slot;
  }

  #onQueueChange(queue: KeyQueue): void {
    if (queue.isWaiting) {
      this.#waiting.add(queue);
      this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS);
      return;
    }
    this.#waiting.delete(queue);
    if (queue.isEmpty) this.#queues.delete(queue.key);
  }

  #advanceWaiting(): void {
    for (const queue of [...this.#waiting]) queue.advance();
  }

  #sweep(): void {
    const now = performance.now();
    for (const queue of [...this.#waiting]) {
      queue.expire(now);
      queue.advance();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}

/** Whether an error is temporary: the node is unavailable or no longer a master. */
function isTemporary(error: unknown): boolean {
  if (error instanceof GatewayError) return error.code === "REDIS_UNAVAILABLE";
  return error instanceof ReplyError && (error.code === "READONLY" || redirectionOf(error) !== undefined);
}
