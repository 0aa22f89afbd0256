/**
 * Sends each command to the node of a cluster that has its key, over one connection per node, and follows a key to
 * where it has gone: what a node refused because the key is elsewhere was not carried out, so it is sent again there.
 *
 * The commands of one key stay in order also then. A command goes to a node only when no earlier one of its key is
 * under way to another, or waits; so none overtakes one that was sent on. Where a node cannot be reached, commands wait
 * for it, or for who takes its place, for a bounded time. A command whose reply was lost is not sent again.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { slotOf } from "../hash-slot.ts";
import type { TransactionDone } from "../read/transaction.ts";
import type { Commands, Database } from "../resp/commands.ts";
import { type Connection, type Done, ReplyLostError, redisUnavailable } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument, CommandWriter } from "../resp/writer.ts";
import { keyOf } from "./command-key.ts";
import { type NodeHooks, openClusterNodes } from "./node-connections.ts";
import { redirectionOf } from "./redirect.ts";
import type { ClusterMap, ClusterNode } from "./topology.ts";

/** What happens at nodes, for whoever uses a router. */
export interface RouterHooks extends NodeHooks {
  /** A key's command was sent to the node that its slot is moving to. */
  readonly onAskRedirect?: (key: string) => void;
}

/** What a router needs. */
export interface RouterOptions extends RouterHooks {
  readonly map: ClusterMap;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  readonly logger: Logger;
  /** How long a command waits for a node that takes it, in ms. */
  readonly waitMs: number;
  /** As of `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  /** Commands change what the next one of their key meets: one that would come after a later one fails instead. */
  readonly isOrdered?: boolean;
}

/** Commands to a cluster. */
export interface ClusterRouter extends Database {
  /** Sends a command of a key that `encode` writes itself; it may be written more than once. */
  sendEncoded(key: string, encode: (out: CommandWriter) => void, done: Done): void;
  /** The node that a key is read and written at, as far as is known. */
  placeOf(key: string): ClusterNode | undefined;
  close(): void;
}

interface Order {
  /** Sends it to a node; `done` gets an error that redirects it, or its reply. */
  readonly sendTo: (node: Connection, done: Done) => void;
  readonly done: Done;
  /** In ms of `performance.now()`. */
  readonly giveUpAt: number;
  /** How often it was sent on. */
  redirections: number;
  /** The node that takes its key over just now, and takes this command if it is asked to. */
  asking: ClusterNode | undefined;
}

/** The commands of one key, from the first that is not answered to the last. */
interface Lane {
  readonly key: string;
  readonly slot: number;
  /** Where those are that were sent. */
  at: Connection | undefined;
  underWay: number;
  /** To be sent again when nothing is under way, before those that wait. */
  again: Order[];
  waiting: Order[];
  /** Until then nothing is sent, in ms of `performance.now()`. */
  pausedUntil: number;
}

/** How often (ms) what waits is looked at. */
const SWEEP_MS = 50;
/** Sent on more often than this, a command waits a little: two nodes that name each other are about to agree. */
const QUICK_REDIRECTIONS = 3;
/** Slots of keys that are remembered; with more than this they are found out anew. */
const MOST_SLOTS = 20_000;

const overtaken = () =>
  new GatewayError(
    "REDIS_UNAVAILABLE",
    "its stream moved to another node, and a later entry came first; try again",
  );
const ignore: Done = () => undefined;

/** Opens a router. */
export function openClusterRouter(options: RouterOptions): ClusterRouter {
  const { map, waitMs, isOrdered = false } = options;
  const lanes = new Map<string, Lane>();
  /** Lanes in which something waits. */
  const held = new Set<Lane>();
  const slots = new Map<string, number>();
  let sweeping: NodeJS.Timeout | undefined;
  let isClosed = false;

  const nodes = openClusterNodes({ ...options, onChange: advanceHeld });

  function slotAt(key: string): number {
    const known = slots.get(key);
    if (known !== undefined) return known;
    const slot = slotOf(key);
    if (slots.size >= MOST_SLOTS) slots.clear();
    slots.set(key, slot);
    return slot;
  }

  function trySend(lane: Lane, order: Order): boolean {
    const target = order.asking ?? map.ownerOf(lane.slot);
    if (target === undefined || (lane.pausedUntil > 0 && lane.pausedUntil > performance.now())) return false;
    const at = order.asking === undefined ? nodes.at(target) : nodes.atImporting(target);
    if (!at.isReady() || (lane.underWay > 0 && lane.at !== at)) return false;
    lane.at = at;
    lane.underWay++;
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
    lane.underWay--;
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
    if (lane.underWay === 0 || lane.again.length === 0) advance(lane);
  }

  /** @returns whether the command was not carried out, and may be somewhere else or later */
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

  /** Sends of a lane what can be sent. */
  function advance(lane: Lane): void {
    if (lane.underWay === 0 && lane.again.length > 0) {
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
      if (lane.underWay === 0 && lane.again.length === 0) lanes.delete(lane.key);
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
      // All wait equally long, but those that were sent on go first again: any of them may be over its time.
      const expired = lane.waiting.filter(({ giveUpAt }) => giveUpAt <= now);
      if (expired.length > 0) lane.waiting = lane.waiting.filter(({ giveUpAt }) => giveUpAt > now);
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
      lane = { key, slot: slotAt(key), at: undefined, underWay: 0, again: [], waiting: [], pausedUntil: 0 };
      lanes.set(key, lane);
    }
    const order: Order = {
      sendTo,
      done,
      giveUpAt: performance.now() + waitMs,
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
      // A node that redirects does so when it queues the commands. ASKING holds until the transaction ends.
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
    placeOf: (key) => map.ownerOf(slotAt(key)),
    async onEach(run) {
      const giveUpAt = performance.now() + waitMs;
      for (;;) {
        const masters = map.masters().map((node) => nodes.at(node));
        try {
          if (masters.length === 0 || !masters.every((one) => one.isReady())) throw redisUnavailable();
          return await Promise.all(masters.map((one) => run(one satisfies Commands)));
        } catch (error) {
          if (isClosed || performance.now() >= giveUpAt || !isPassing(error)) throw error;
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

/** Whether a node that is away, or is no master any more, failed something that may be asked again. */
function isPassing(error: unknown): boolean {
  if (error instanceof GatewayError) return error.code === "REDIS_UNAVAILABLE";
  return error instanceof ReplyError && (error.code === "READONLY" || redirectionOf(error) !== undefined);
}
