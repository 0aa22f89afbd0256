/**
 * Unanswered commands of one key. They stay in order: a command is sent to a node only if no earlier one waits or is in
 * flight to another node. A redirected command has not run, so it is sent again.
 */
import { GatewayError } from "../../domain/errors.ts";
import { type Done, ReplyLostError, redisUnavailable } from "../resp/command-result.ts";
import type { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { NodeConnections } from "./node-connections.ts";
import { redirectionOf } from "./redirect.ts";
import type { ClusterNode } from "./slot-map.ts";
import type { Topology } from "./topology.ts";

/** A command on its way to a node. */
export interface RoutedCommand {
  /** Sends it to a node; `done` receives its reply, or the error that redirects it. */
  readonly sendTo: (node: Connection, done: Done) => void;
  readonly done: Done;
  /** Deadline on the clock of `performance.now()`, ms. */
  readonly deadline: number;
  /** Number of redirections. */
  redirections: number;
  /** The importing node that accepts this command after `ASKING`. */
  importing: ClusterNode | undefined;
}

/** State that the queues of a router share. */
export interface Routing {
  readonly topology: Topology;
  readonly nodes: NodeConnections;
  /** A command that would run after a later one of its key fails instead. */
  readonly isOrdered: boolean;
  /** After `close`, redirections are not followed. */
  readonly isClosed: () => boolean;
  /** A command was sent to the importing node of its key's slot. */
  readonly onAskRedirect: ((key: string) => void) | undefined;
  /** A queue started or stopped to wait, or is empty. */
  readonly onChange: (queue: KeyQueue) => void;
}

/** Pause (ms) after a `TRYAGAIN` reply, and after several redirections. */
export const PAUSE_MS = 50;
/** Redirections before a pause: two nodes may redirect to each other until they agree. */
const QUICK_REDIRECTIONS = 3;

const outOfOrder = () =>
  new GatewayError(
    "REDIS_UNAVAILABLE",
    "the stream moved to another node and a later entry was stored first; try again",
  );
const ignore: Done = () => undefined;

/** Commands of one key. */
export class KeyQueue {
  readonly key: string;
  readonly #slot: number;
  readonly #routing: Routing;
  /** Node of the commands in flight. */
  #node: Connection | undefined;
  #inFlight = 0;
  /** Redirected commands, sent before the waiting ones when nothing is in flight. */
  #redirected: RoutedCommand[] = [];
  #waiting: RoutedCommand[] = [];
  /** Nothing is sent before this time, on the clock of `performance.now()`. */
  #pausedUntil = 0;

  constructor(key: string, slot: number, routing: Routing) {
    this.key = key;
    this.#slot = slot;
    this.#routing = routing;
  }

  /** Whether commands wait for a node. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether no command is unanswered. */
  get isEmpty(): boolean {
    return this.#inFlight === 0 && this.#waiting.length === 0 && this.#redirected.length === 0;
  }

  /** Sends a command, or lets it wait. */
  add(command: RoutedCommand): void {
    if (this.#redirected.length === 0 && this.#waiting.length === 0 && this.#trySend(command)) return;
    this.#waiting.push(command);
    this.#routing.onChange(this);
  }

  /** Sends the commands that can be sent. */
  advance(): void {
    if (this.#inFlight === 0 && this.#redirected.length > 0) {
      this.#waiting = [...this.#redirected, ...this.#waiting];
      this.#redirected = [];
    }
    let sent = 0;
    if (this.#redirected.length === 0)
      for (const command of this.#waiting) {
        if (!this.#trySend(command)) break;
        sent++;
      }
    if (sent > 0) this.#waiting = this.#waiting.slice(sent);
    this.#routing.onChange(this);
  }

  /** Fails the waiting commands whose deadline has passed. */
  expire(now: number): void {
    // All wait equally long, but redirected commands are first again, so any of them may have expired.
    const expired = this.#waiting.filter(({ deadline }) => deadline <= now);
    if (expired.length > 0) this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const command of expired) command.done(redisUnavailable(), null);
  }

  /** Fails all commands that are not in flight. */
  fail(): void {
    for (const command of [...this.#redirected, ...this.#waiting]) command.done(redisUnavailable(), null);
  }

  #trySend(command: RoutedCommand): boolean {
    const { topology, nodes } = this.#routing;
    const { importing } = command;
    const target = importing ?? topology.ownerOf(this.#slot);
    if (target === undefined || (this.#pausedUntil > 0 && this.#pausedUntil > performance.now()))
      return false;
    const node = importing === undefined ? nodes.at(target) : nodes.atImporting(target);
    if (!node.isReady() || (this.#inFlight > 0 && this.#node !== node)) return false;
    this.#node = node;
    this.#inFlight++;
    this.#pausedUntil = 0;
    if (importing !== undefined) node.send(["ASKING"], ignore);
    command.sendTo(node, (error, reply) => this.#onReply(command, target, error, reply));
    return true;
  }

  #onReply(
    command: RoutedCommand,
    from: ClusterNode,
    error: ReplyError | GatewayError | undefined,
    reply: Reply,
  ): void {
    this.#inFlight--;
    if (error !== undefined && !this.#routing.isClosed() && this.#redirect(command, from, error)) {
      this.#redirected.push(command);
    } else {
      if (error === undefined && this.#routing.isOrdered && this.#redirected.length > 0) {
        const overtaken = this.#redirected;
        this.#redirected = [];
        for (const one of overtaken) one.done(outOfOrder(), null);
      }
      command.done(error, reply);
    }
    if (this.#inFlight === 0 || this.#redirected.length === 0) this.advance();
  }

  /** Redirects a command. @returns whether it has not run and may succeed elsewhere or later */
  #redirect(command: RoutedCommand, from: ClusterNode, error: Error): boolean {
    if (!(error instanceof ReplyError)) return !(error instanceof ReplyLostError);
    const redirection = redirectionOf(error);
    if (redirection === undefined) return false;
    const { topology, onAskRedirect } = this.#routing;
    command.importing = undefined;
    command.redirections++;
    if (redirection.kind === "later" || command.redirections > QUICK_REDIRECTIONS)
      this.#pausedUntil = performance.now() + PAUSE_MS;
    if (redirection.kind === "later") {
      topology.refresh();
      return true;
    }
    const target = topology.nodeAt(redirection.to, from);
    if (target === undefined) return false;
    if (redirection.kind === "moved") {
      topology.moved(this.#slot, target);
    } else {
      command.importing = target;
      onAskRedirect?.(this.key);
    }
    return true;
  }
}
