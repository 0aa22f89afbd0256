/**
 * Pipelined connection to Redis that reconnects until it is closed.
 *
 * A command whose reply was lost is not sent again: it may have run, and only the caller knows whether repeating it is
 * safe. A command that could not be sent waits, for a bounded time, until Redis is available.
 */
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../../domain/logger.ts";
import { type Backoff, backoffMs } from "../../domain/scheduling/backoff.ts";
import { describeEndpoint, isAddressSource, type RedisEndpoint } from "../address/address-source.ts";
import { describeAddress, type RedisAddress } from "../address/redis-url.ts";
import { type Done, redisUnavailable } from "./command-result.ts";
import type { Commands } from "./commands.ts";
import { type HandshakeResult, NOT_A_MASTER, shakeHands } from "./handshake.ts";
import { createOfflineQueue, type OfflineQueue } from "./offline-queue.ts";
import { Pipeline } from "./pipeline.ts";
import { type Reply, ReplyError } from "./reader.ts";
import { RedisSocket } from "./redis-socket.ts";
import { detectStalls, type StallDetector } from "./stall-detector.ts";
import { sendTransaction, type TransactionDone } from "./transaction.ts";
import type { Argument, CommandWriter } from "./writer.ts";

/** Events of a connection. */
export interface ConnectionHooks {
  /** A RESP3 push message arrived. */
  readonly onPush?: (message: Reply[]) => void;
  /** The connection is usable, for the first time or again. Commands sent here precede those in the offline queue. */
  readonly onReady?: () => void;
  /** The connection was lost. The commands in flight fail right after this call. */
  readonly onLost?: () => void;
  /** The commands of this turn are about to be written: last chance to add more to the same write. */
  readonly onFlush?: () => void;
}

/** Options of a connection. */
export interface ConnectionOptions extends ConnectionHooks {
  readonly address: RedisEndpoint;
  /** Shown by `CLIENT LIST`, so that an operator sees which part of the gateway a connection serves. */
  readonly name: string;
  readonly logger: Logger;
  /** Time (ms) that a command waits while Redis is unavailable. */
  readonly waitMs: number;
  /** Time (ms) without any reply to a pending command before the connection is closed and reopened. @default 30_000 */
  readonly stallMs?: number | undefined;
  /** Size (bytes) from which bulk strings in replies are replaced by their length, at least 1 MB. @default none are */
  readonly omitFrom?: number | undefined;
}

const RECONNECT: Backoff = { firstMs: 25, maxMs: 2000 };
const STALL_MS = 30_000;
/** Consecutive failures before a warning is logged. */
const FAILURES_LOGGED = 4;

/** Whether a push message is the reply to `PSUBSCRIBE` or `PUNSUBSCRIBE`, which RESP3 does not send as a reply. */
const isSubscriptionReply = ([kind]: readonly Reply[]): boolean =>
  Buffer.isBuffer(kind) &&
  kind.length >= PSUBSCRIBE.length &&
  (kind.equals(PSUBSCRIBE) || kind.equals(PUNSUBSCRIBE));
const PSUBSCRIBE = Buffer.from("psubscribe");
const PUNSUBSCRIBE = Buffer.from("punsubscribe");

/** Connection to one Redis. It is usable at once: commands wait until the handshake is done. */
export class Connection implements Commands {
  readonly #options: ConnectionOptions;
  readonly #endpoint: RedisEndpoint;
  readonly #pipeline: Pipeline;
  readonly #offline: OfflineQueue<Done>;
  readonly #stalls: StallDetector;
  readonly #stopWatching: (() => void) | undefined;
  #state: "connecting" | "ready" | "closed" = "connecting";
  #protocol: 2 | 3 = 3;
  /** The last socket, open or not. */
  #socket: RedisSocket | undefined;
  /** Address of the current connection or attempt. */
  #address: RedisAddress | undefined;
  /** Consecutive failures. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#endpoint = options.address;
    this.#pipeline = new Pipeline(() => options.onFlush?.());
    this.#offline = createOfflineQueue(options.waitMs, (done) => done(redisUnavailable(), null));
    this.#stalls = detectStalls(
      options.stallMs ?? STALL_MS,
      () => this.#state === "ready" && this.#pipeline.isPending,
      () => this.#socket?.end("Redis stopped replying"),
    );
    this.#stopWatching = isAddressSource(this.#endpoint)
      ? this.#endpoint.watch((address) => this.#onAddress(address))
      : undefined;
    this.#begin();
  }

  /** Whether commands are sent immediately. */
  isReady(): boolean {
    return this.#state === "ready";
  }

  /** Protocol agreed in the handshake: RESP3, or RESP2 if the server does not support HELLO. */
  protocol(): 2 | 3 {
    return this.#protocol;
  }

  /** Sends one command; `done` is called exactly once. `PSUBSCRIBE` and `PUNSUBSCRIBE` may have one pattern. */
  send(args: readonly Argument[], done: Done): void {
    this.sendEncoded((out) => out.command(args), done);
  }

  /** Sends one command that `encode` writes directly, for the hot path. */
  sendEncoded(encode: (out: CommandWriter) => void, done: Done): void {
    if (this.#state === "ready") {
      this.#pipeline.add(encode, done);
    } else if (this.#state === "closed" || this.#options.waitMs === 0) {
      // Asynchronous: callers do not expect `done` before this function returns.
      queueMicrotask(() => done(redisUnavailable(), null));
    } else {
      this.#offline.add(encode, done);
    }
  }

  /** Like `send`, but rejects on an error reply. */
  call(...args: readonly Argument[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.send(args, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  /** Sends commands as one transaction; `done` is called exactly once. */
  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void {
    sendTransaction((args, answered) => this.send(args, answered), commands, done);
  }

  /** Schedules `onFlush` for the end of this turn, even if nothing has been sent yet. */
  flushSoon(): void {
    this.#pipeline.flushSoon();
  }

  /** Closes the connection for good. Queued commands and those in flight fail. */
  close(): void {
    this.#state = "closed";
    this.#stopWatching?.();
    clearTimeout(this.#retry);
    this.#stalls.stop();
    this.#socket?.end("the connection was closed");
    this.#pipeline.failAll();
    for (const one of this.#offline.take()) one.done(redisUnavailable(), null);
  }

  /** Looks up the address, if needed, and connects. */
  #begin(): void {
    this.#retry = undefined;
    if (!isAddressSource(this.#endpoint)) {
      this.#connect(this.#endpoint);
      return;
    }
    this.#endpoint.resolve((error, found) => {
      if (this.#state === "closed") return;
      if (found === undefined) this.#onLost(error?.message ?? "the address of Redis is unknown");
      else this.#connect(found);
    });
  }

  #connect(address: RedisAddress): void {
    const { name, logger, omitFrom, onPush } = this.#options;
    const requiresMaster = isAddressSource(this.#endpoint);
    const socket = new RedisSocket({
      address,
      name,
      logger,
      omitFrom,
      onConnect: () =>
        shakeHands(
          { address, name, requiresMaster },
          (args, done) => this.#pipeline.add((out) => out.command(args), done),
          (result) => this.#onHandshake(socket, result),
        ),
      onData: () => this.#stalls.received(),
      onReply: (reply) => {
        if (socket.hasEnded) return;
        // A demoted master rejects writes; another server is the master now.
        if (requiresMaster && reply instanceof ReplyError && reply.code === "READONLY")
          socket.endAfterChunk(NOT_A_MASTER);
        this.#pipeline.settle(reply);
      },
      onPush: (message) => {
        if (isSubscriptionReply(message)) this.#pipeline.settle(message);
        else onPush?.(message);
      },
      onEnd: (reason) => this.#onLost(reason),
    });
    this.#address = address;
    this.#socket = socket;
    this.#pipeline.attach(socket);
  }

  #onHandshake(socket: RedisSocket, result: HandshakeResult): void {
    if ("problem" in result) socket.end(result.problem);
    if ("problem" in result || socket.hasEnded || this.#state === "closed") return;
    socket.completeHandshake();
    this.#protocol = result.protocol;
    this.#state = "ready";
    const { name, logger, onReady } = this.#options;
    if (this.#failures >= FAILURES_LOGGED) logger.info({ connection: name }, "Redis is available again");
    this.#failures = 0;
    onReady?.();
    for (const one of this.#offline.take()) this.#pipeline.add(one.encode, one.done);
  }

  /** Handles the end of a connection or of an attempt. */
  #onLost(reason: string): void {
    if (this.#state === "closed") return;
    const wasReady = this.#state === "ready";
    this.#state = "connecting";
    this.#address = undefined;
    this.#pipeline.detach();
    const delay = backoffMs(this.#failures, Math.random(), RECONNECT);
    this.#failures++;
    const { name, logger, onLost } = this.#options;
    const fields = { connection: name, redis: describeEndpoint(this.#endpoint), reason };
    if (wasReady || this.#failures === FAILURES_LOGGED)
      logger.warn(fields, "no connection to Redis; retrying until it is available");
    else logger.debug(fields, "connection attempt failed");
    this.#retry = setTimeout(() => this.#begin(), delay);
    if (wasReady) onLost?.();
    this.#pipeline.failAll();
  }

  /** Handles an address from the source. Leaves a server at another address even if it still replies. */
  #onAddress(now: RedisAddress): void {
    if (this.#state === "closed") return;
    if (this.#retry !== undefined) {
      clearTimeout(this.#retry);
      this.#failures = 0;
      this.#begin();
    } else if (this.#address !== undefined && !isDeepStrictEqual(this.#address.target, now.target)) {
      this.#socket?.end(`the Redis master is now at ${describeAddress(now)}`);
    }
  }
}
