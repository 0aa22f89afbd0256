/**
 * Cluster router: sends each command to the node that owns its key, over one connection per node, and follows redirections.
 * A redirected command has not run, so it is sent again to the new node.
 *
 * The commands of one key stay in order. A command is sent to a node only if no earlier command of its key is in flight to
 * another node or waiting. If a node is unreachable, commands wait a bounded time for it or its successor. A command whose
 * reply was lost is not sent again.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { slotOf } from "../hash-slot.ts";
import { type Done, ReplyLostError, redisUnavailable } from "../resp/command-result.ts";
import type { Commands, Database } from "../resp/commands.ts";
import type { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { TransactionDone } from "../resp/transaction.ts";
import type { Argument, CommandWriter } from "../resp/writer.ts";
import { keyOf } from "./command-key.ts";
import { type NodeHooks, openClusterNodes } from "./node-connections.ts";
import { redirectionOf } from "./redirect.ts";
import type { ClusterMap, ClusterNode } from "./topology.ts";

/** Events of a router's nodes. */
export interface RouterHooks extends NodeHooks {
  /** A command was sent to the importing node of its key's slot (`ASK`). */
  readonly onAskRedirect?: (key: string) => void;
}

/** Options of `openClusterRouter`. */
export interface RouterOptions extends RouterHooks {
  readonly map: ClusterMap;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  readonly logger: Logger;
  /** Time (ms) that a command waits for a node that accepts it. */
  readonly waitMs: number;
  /** See `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  /** The order of a key's commands matters: a command that would run after a later one fails instead. */
  readonly isOrdered?: boolean;
}

/** Sends commands to a cluster. */
export interface ClusterRouter extends Database {
  /** Sends a command that `encode` writes directly; it may be called more than once. */
  sendEncoded(key: string, encode: (out: CommandWriter) => void, done: Done): void;
  /** The node that owns a key, as far as is known. */
  nodeOf(key: string): ClusterNode | undefined;
  close(): void;
}

interface Order {
  /** Sends it to a node; `done` receives its reply, or the error that redirects it. */
  readonly sendTo: (node: Connection, done: Done) => void;
  readonly done: Done;
  /** Deadline on the clock of `performance.now()`, ms. */
  readonly deadline: number;
  /** Number of redirections. */
  redirections: number;
  /** The importing node that accepts this command after `ASKING`. */
  asking: ClusterNode | undefined;
}

/** Unanswered commands of one key. */
interface Lane {
  readonly key: string;
  readonly slot: number;
  /** Node of the commands in flight. */
  at: Connection | undefined;
  inFlight: number;
  /** Redirected commands, sent before the waiting ones when nothing is in flight. */
  again: Order[];
  waiting: Order[];
  /** Nothing is sent before this time, on the clock of `performance.now()`. */
  pausedUntil: number;
}

/** Interval (ms) at which waiting commands are checked. */
const SWEEP_MS = 50;
/** Redirections before a pause: two nodes may redirect to each other until they agree. */
const QUICK_REDIRECTIONS = 3;
/** Key slots remembered; above this, all are computed again. */
const MAX_SLOTS = 20_000;

const overtaken = () =>
  new GatewayError(
    "REDIS_UNAVAILABLE",
    "the stream moved to another node and a later entry was stored first; try again",
  );
const ignore: Done = () => undefined;

/** Opens a router. */
export function openClusterRouter(options: RouterOptions): ClusterRouter {
  const { map, waitMs, isOrdered = false } = options;
  const lanes = new Map<string, Lane>();
  /** Lanes with waiting commands. */
  const held = new Set<Lane>();
  const slots = new Map<string, number>();
  let sweeping: NodeJS.Timeout | undefined;
  let isClosed = false;

  const nodes = openClusterNodes({ ...options, onChange: advanceHeld });

  function slotAt(key: string): number {
    const known = slots.get(key);
    if (known !== undefined) return known;
    const slot = slotOf(key);
    if (slots.size >= MAX_SLOTS) slots.clear();
    slots.set(key, slot);
    return slot;
  }

  function trySend(lane: Lane, order: Order): boolean {
    const target = order.asking ?? map.ownerOf(lane.slot);
    if (target === undefined || (lane.pausedUntil > 0 && lane.pausedUntil > performance.now())) return false;
    const at = order.asking === undefined ? nodes.at(target) : nodes.atImporting(target);
    if (!at.isReady() || (lane.inFlight > 0 && lane.at !== at)) return false;
    lane.at = at;
    lane.inFlight++;
    lane.pausedUntil = 0;
    if (order.asking !== undefined) at.send(["ASKING"], ignore);
    order.sendTo(at, (error, reply) => answered(lane, order, target, error, reply));
    return true;
  }

  function answered(
    lane: Lane,
    order: Order,
    by: ClusterNode,
    error: ReplyError | GatewayError | undefined,
    reply: Reply,
  ): void {
    lane.inFlight--;
    if (error !== undefined && !isClosed && sendOn(lane, order, by, error)) {
      lane.again.push(order);
    } else {
      if (error === undefined && isOrdered && lane.again.length > 0) {
        const late = lane.again;
        lane.again = [];
        for (const one of late) one.done(overtaken(), null);
      }
      order.done(error, reply);
    }
    if (lane.inFlight === 0 || lane.again.length === 0) advance(lane);
  }

  /** Redirects a command. @returns whether it has not run and may succeed elsewhere or later */
  function sendOn(lane: Lane, order: Order, by: ClusterNode, error: Error): boolean {
    if (!(error instanceof ReplyError)) return !(error instanceof ReplyLostError);
    const redirection = redirectionOf(error);
    if (redirection === undefined) return false;
    order.asking = undefined;
    order.redirections++;
    if (redirection.kind === "later" || order.redirections > QUICK_REDIRECTIONS)
      lane.pausedUntil = performance.now() + SWEEP_MS;
    if (redirection.kind === "later") {
      map.refresh();
      return true;
    }
    const target = map.nodeAt(redirection.to, by);
    if (target === undefined) return false;
    if (redirection.kind === "moved") {
      map.moved(lane.slot, target);
    } else {
      order.asking = target;
      options.onAskRedirect?.(lane.key);
    }
    return true;
  }

  /** Sends the commands of a lane that can be sent. */
  function advance(lane: Lane): void {
    if (lane.inFlight === 0 && lane.again.length > 0) {
      lane.waiting = [...lane.again, ...lane.waiting];
      lane.again = [];
    }
    let sent = 0;
    if (lane.again.length === 0)
      for (const order of lane.waiting) {
        if (!trySend(lane, order)) break;
        sent++;
      }
    if (sent > 0) lane.waiting = lane.waiting.slice(sent);
    if (lane.waiting.length > 0) hold(lane);
    else {
      held.delete(lane);
      if (lane.inFlight === 0 && lane.again.length === 0) lanes.delete(lane.key);
    }
  }

  function hold(lane: Lane): void {
    held.add(lane);
    sweeping ??= setInterval(sweep, SWEEP_MS);
  }

  function advanceHeld(): void {
    for (const lane of [...held]) advance(lane);
  }

  function sweep(): void {
    const now = performance.now();
    for (const lane of [...held]) {
      // All wait equally long, but redirected commands are first again, so any of them may have expired.
      const expired = lane.waiting.filter(({ deadline }) => deadline <= now);
      if (expired.length > 0) lane.waiting = lane.waiting.filter(({ deadline }) => deadline > now);
      for (const order of expired) order.done(redisUnavailable(), null);
      advance(lane);
    }
    if (held.size > 0) return;
    clearInterval(sweeping);
    sweeping = undefined;
  }

  function sendOrder(key: string, sendTo: Order["sendTo"], done: Done): void {
    if (isClosed) {
      queueMicrotask(() => done(redisUnavailable(), null));
      return;
    }
    let lane = lanes.get(key);
    if (lane === undefined) {
      lane = { key, slot: slotAt(key), at: undefined, inFlight: 0, again: [], waiting: [], pausedUntil: 0 };
      lanes.set(key, lane);
    }
    const order: Order = {
      sendTo,
      done,
      deadline: performance.now() + waitMs,
      redirections: 0,
      asking: undefined,
    };
    if (lane.again.length === 0 && lane.waiting.length === 0 && trySend(lane, order)) return;
    lane.waiting.push(order);
    hold(lane);
  }

  const sendEncoded = (key: string, encode: (out: CommandWriter) => void, done: Done): void =>
    sendOrder(key, (node, answer) => node.sendEncoded(encode, answer), done);

  const send = (args: readonly Argument[], done: Done) =>
    sendEncoded(keyOf(args), (out) => out.command(args), done);

  const transact = (commands: readonly (readonly Argument[])[], done: TransactionDone): void =>
    sendOrder(
      keyOf(commands[0] ?? []),
      // A node redirects while queueing the commands. ASKING applies until the transaction ends.
      (node, answer) => node.transact(commands, (error, replies) => answer(error, [...replies])),
      (error, reply) => done(error, Array.isArray(reply) ? reply : []),
    );

  const call = (...args: readonly Argument[]): Promise<Reply> =>
    new Promise((resolve, reject) => {
      send(args, (error, reply) => (error ? reject(error) : resolve(reply)));
    });

  return {
    sendEncoded,
    send,
    call,
    transact,
    nodeOf: (key) => map.ownerOf(slotAt(key)),
    async onEach(run) {
      const deadline = performance.now() + waitMs;
      for (;;) {
        const masters = map.masters().map((node) => nodes.at(node));
        try {
          if (masters.length === 0 || !masters.every((one) => one.isReady())) throw redisUnavailable();
          return await Promise.all(masters.map((one) => run(one satisfies Commands)));
        } catch (error) {
          if (isClosed || performance.now() >= deadline || !isTemporary(error)) throw error;
          await new Promise((resolve) => setTimeout(resolve, SWEEP_MS));
        }
      }
    },
    async inOrder(commands) {
      const replies: Reply[] = [];
      for (const command of commands) replies.push(await call(...command));
      return replies;
    },
    close() {
      isClosed = true;
      clearInterval(sweeping);
      nodes.close();
      for (const { again, waiting } of lanes.values())
        for (const order of [...again, ...waiting]) order.done(redisUnavailable(), null);
      lanes.clear();
      held.clear();
    },
  };
}

/** Whether an error is temporary: the node is unavailable or no longer a master. */
function isTemporary(error: unknown): boolean {
  if (error instanceof GatewayError) return error.code === "REDIS_UNAVAILABLE";
  return error instanceof ReplyError && (error.code === "READONLY" || redirectionOf(error) !== undefined);
}
