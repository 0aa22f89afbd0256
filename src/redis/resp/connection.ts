/**
 * Pipelined connection to Redis. The commands of one event-loop turn leave in one write, and replies are matched in
 * order. The connection reconnects by itself.
 *
 * A command whose reply was lost is not sent again: it may have run, and only the caller knows whether repeating it is
 * safe. A command that could not be sent waits, for a bounded time, until Redis is available.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { type Backoff, backoffMs } from "../../domain/backoff.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { sendTransaction, type TransactionDone } from "../read/transaction.ts";
import { describeAddress, type RedisAddress } from "../redis-url.ts";
import { describeEndpoint, isAddressSource, type RedisEndpoint } from "./address-source.ts";
import { NOT_A_MASTER, shakeHands } from "./handshake.ts";
import { createOfflineQueue } from "./offline-queue.ts";
import { createReplyReader, type Reply, ReplyError } from "./reader.ts";
import { detectStalls } from "./stall-detector.ts";
import { type Argument, type CommandWriter, createCommandWriter } from "./writer.ts";

/** Result of a command: a reply, an error reply (`ReplyError`) or a connection error (`GatewayError`). */
export type Done = (error: ReplyError | GatewayError | undefined, reply: Reply) => void;

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

/** Options of `openConnection`. */
export interface ConnectionOptions extends ConnectionHooks {
  readonly address: RedisEndpoint;
  /** Shown by `CLIENT LIST`, so that an operator sees which part of the gateway a connection serves. */
  readonly name: string;
  readonly logger: Logger;
  /** Time (ms) that a command waits while Redis is unavailable. */
  readonly waitMs: number;
  /** Time (ms) without any reply to a pending command before the connection is closed and reopened. @default 30_000 */
  readonly stallMs?: number | undefined;
}

/** A connection that reconnects until it is closed. */
export interface Connection {
  /** Whether commands are sent immediately. */
  isReady(): boolean;
  /** Protocol agreed in the handshake: RESP3, or RESP2 if the server does not support HELLO. */
  protocol(): 2 | 3;
  /** Sends one command; `done` is called exactly once. */
  send(args: readonly Argument[], done: Done): void;
  /** Sends one command that `encode` writes directly, for the hot path. */
  sendEncoded(encode: (out: CommandWriter) => void, done: Done): void;
  /** Schedules `onFlush` for the end of this turn, even if nothing has been sent yet. */
  flushSoon(): void;
  /** Like `send`, but rejects on an error reply. */
  call(...args: readonly Argument[]): Promise<Reply>;
  /** Sends commands as one transaction; `done` is called exactly once. */
  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void;
  /** Closes the connection for good. Queued commands and those in flight fail. */
  close(): void;
}

/** A command was sent and the connection dropped before its reply: it may or may not have run. */
export class ReplyLostError extends GatewayError {
  constructor() {
    super("REDIS_UNAVAILABLE", "the connection to Redis was lost before it replied; try again later");
  }
}

const RECONNECT: Backoff = { firstMs: 25, mostMs: 2000 };
const CONNECT_TIMEOUT_MS = 5000;
const STALL_MS = 30_000;
const READ_BYTES = 256 * 1024;
/** Only socket reads up to this size (bytes) are deferred; replies to large appends are far smaller. */
const MAX_DEFERRED_BYTES = 4096;

/** Creates the error of a command that could not be sent in time. */
export const redisUnavailable = () =>
  new GatewayError("REDIS_UNAVAILABLE", "Redis is unavailable; try again later");

/** Opens a connection. It is usable at once: commands wait until the handshake is done. */
export function openConnection(options: ConnectionOptions): Connection {
  const { address: endpoint, logger, name } = options;
  let socket: Socket | undefined;
  let state: "connecting" | "ready" | "closed" = "connecting";
  let protocol: 2 | 3 = 3;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  /** Address of the current connection or attempt. */
  let address: RedisAddress | undefined;
  /** Closes the current socket and reconnects. */
  let disconnect: (why: string) => void = () => undefined;
  /** Callbacks of sent commands, oldest at `sentHead`. */
  let sent: Done[] = [];
  let sentHead = 0;
  const offline = createOfflineQueue<Done>(options.waitMs, (done) => done(redisUnavailable(), null));
  let writer = createCommandWriter();
  let flushQueued = false;
  const stalls = detectStalls(
    options.stallMs ?? STALL_MS,
    () => state === "ready" && sent.length > sentHead,
    () => disconnect("Redis stopped replying"),
  );

  function flush(): void {
    if (socket !== undefined) options.onFlush?.();
    flushQueued = false;
    const parts = writer.take();
    if (socket === undefined || parts.length === 0) return;
    if (parts.length === 1 && parts[0] !== undefined) {
      socket.write(parts[0]);
      return;
    }
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  function dispatch(encode: (out: CommandWriter) => void, done: Done): void {
    encode(writer);
    sent.push(done);
    flushSoon();
  }

  function flushSoon(): void {
    if (flushQueued) return;
    flushQueued = true;
    setImmediate(flush);
  }

  function onReply(reply: Reply): void {
    const done = sent[sentHead];
    if (done === undefined) throw new Error("received a reply without a pending command");
    sentHead++;
    if (sentHead === sent.length) {
      sent = [];
      sentHead = 0;
    } else if (sentHead === 4096) {
      // Drops settled commands in blocks: `shift()` on a long array copies the rest each time.
      sent = sent.slice(sentHead);
      sentHead = 0;
    }
    if (reply instanceof ReplyError) done(reply, null);
    else done(undefined, reply);
  }

  function failSent(): void {
    const lost = sent.slice(sentHead);
    sent = [];
    sentHead = 0;
    for (const done of lost) done(new ReplyLostError(), null);
  }

  function lost(reason: string): void {
    if (state === "closed") return;
    const wasReady = state === "ready";
    state = "connecting";
    socket = undefined;
    address = undefined;
    writer = createCommandWriter();
    const delay = backoffMs(failures, Math.random(), RECONNECT);
    failures++;
    const fields = { connection: name, redis: describeEndpoint(endpoint), reason };
    if (wasReady || failures === 4)
      logger.warn(fields, "no connection to Redis; retrying until it is available");
    else logger.debug(fields, "connection attempt failed");
    retry = setTimeout(begin, delay);
    if (wasReady) options.onLost?.();
    failSent();
  }

  function begin(): void {
    retry = undefined;
    if (!isAddressSource(endpoint)) {
      connect(endpoint);
      return;
    }
    endpoint.resolve((error, found) => {
      if (state === "closed") return;
      if (found === undefined) lost(error?.message ?? "the address of Redis is unknown");
      else connect(found);
    });
  }

  /** Handles an address from the source. Leaves a server at another address even if it still replies. */
  function onAddress(now: RedisAddress): void {
    if (state === "closed") return;
    if (retry !== undefined) {
      clearTimeout(retry);
      failures = 0;
      begin();
    } else if (address !== undefined && !isDeepStrictEqual(address.target, now.target)) {
      disconnect(`the Redis master is now at ${describeAddress(now)}`);
    }
  }

  function connect(to: RedisAddress): void {
    address = to;
    const { target, tls } = to;
    /** The server rejected a write because it is a replica now. */
    let isReplica = false;
    const reader = createReplyReader({
      onReply(reply) {
        if (reply instanceof ReplyError && reply.code === "READONLY") isReplica = true;
        onReply(reply);
      },
      onPush: (message) => options.onPush?.(message),
    });
    // One buffer for all reads: an allocation per read would be the gateway's largest cost at camera data rates.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array) => {
        const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
        const isBacklogged = current.writableLength > 0 && bytes <= MAX_DEFERRED_BYTES;
        if (deferred.length === 0 && !isBacklogged) feed(chunk);
        else if (deferred.push(Buffer.from(chunk)) === 1) setImmediate(feedDeferred);
        return true;
      },
    };
    /**
     * Chunks of replies that arrived while commands still waited to be written. Handling them can take long with large
     * entries and would leave Redis idle, so the pending write is done first.
     */
    let deferred: Buffer[] = [];
    const feedDeferred = (): void => {
      const chunks = deferred;
      deferred = [];
      for (const chunk of chunks) if (!ended) feed(chunk);
    };
    const current = tls ? connectTls({ ...target, ...tls }) : connectTcp({ ...target, onread });
    socket = current;
    const feed = (chunk: Buffer): void => {
      stalls.received();
      try {
        reader.feed(chunk);
      } catch (error) {
        logger.error({ connection: name, err: error }, "invalid RESP from Redis");
        end("invalid RESP from Redis");
      }
      if (isReplica && isAddressSource(endpoint)) end(NOT_A_MASTER);
    };
    if (tls) current.on("data", feed);
    let reason = "Redis closed the connection";
    let ended = false;
    const end = (why: string) => {
      if (ended) return;
      ended = true;
      current.destroy();
      lost(why);
    };
    disconnect = end;
    current.setNoDelay(true);
    current.setTimeout(CONNECT_TIMEOUT_MS, () => end("Redis did not reply in time"));
    current.on("error", (error) => {
      reason = error.message;
    });
    current.on("close", () => end(reason));
    current.once(tls ? "secureConnect" : "connect", () => {
      shakeHands({ address: to, name, requiresMaster: isAddressSource(endpoint) }, sendNow, (result) => {
        if ("problem" in result) end(result.problem);
        if ("problem" in result || ended || state === "closed") return;
        current.setTimeout(0);
        protocol = result.protocol;
        state = "ready";
        if (failures > 3) logger.info({ connection: name }, "Redis is available again");
        failures = 0;
        options.onReady?.();
        for (const one of offline.take()) dispatch(one.encode, one.done);
      });
    });
  }

  const sendNow = (args: readonly Argument[], done: Done) => dispatch((out) => out.command(args), done);

  function sendEncoded(encode: (out: CommandWriter) => void, done: Done): void {
    if (state === "ready") {
      dispatch(encode, done);
    } else if (state === "closed" || options.waitMs === 0) {
      // Asynchronous: callers do not expect `done` before this function returns.
      queueMicrotask(() => done(redisUnavailable(), null));
    } else {
      offline.add(encode, done);
    }
  }

  const send = (args: readonly Argument[], done: Done) => sendEncoded((out) => out.command(args), done);

  const stopWatching = isAddressSource(endpoint) ? endpoint.watch(onAddress) : undefined;
  begin();
  return {
    isReady: () => state === "ready",
    protocol: () => protocol,
    sendEncoded,
    flushSoon,
    send,
    transact: (commands, done) => sendTransaction(send, commands, done),
    call: (...args) =>
      new Promise((resolve, reject) => {
        sendEncoded(
          (out) => out.command(args),
          (error, reply) => (error ? reject(error) : resolve(reply)),
        );
      }),
    close() {
      state = "closed";
      stopWatching?.();
      clearTimeout(retry);
      stalls.stop();
      socket?.destroy();
      failSent();
      for (const one of offline.take()) one.done(redisUnavailable(), null);
    },
  };
}
