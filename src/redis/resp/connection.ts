/**
 * One connection to Redis that pipelines: the commands of one turn of the event loop leave in one write, and the
 * replies are matched in order. It comes back by itself when it is lost.
 *
 * A command that was sent and whose reply was lost is never sent again: it may have been carried out, and only the
 * caller knows whether that matters. A command that could not be sent waits, for a bounded time, for Redis to return.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { type Backoff, backoffMs } from "../../domain/backoff.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import { sendTransaction, type TransactionDone } from "../read/transaction.ts";
import { describeAddress, type RedisAddress } from "../redis-url.ts";
import { describePlace, isSource, type RedisPlace } from "./address-source.ts";
import { greet, NO_MASTER } from "./handshake.ts";
import { createWaitingCommands } from "./offline-queue.ts";
import { createReplyReader, type Reply, ReplyError } from "./reader.ts";
import { watchSilence } from "./stall-detector.ts";
import { type Argument, type CommandWriter, createCommandWriter } from "./writer.ts";

/** How a command ended: with a reply, or with an error of Redis (`ReplyError`) or of the connection (`GatewayError`). */
export type Done = (error: ReplyError | GatewayError | undefined, reply: Reply) => void;

/** What happens to a connection, for whoever uses it. */
export interface ConnectionHooks {
  /** A RESP3 push message arrived. */
  readonly onPush?: (message: Reply[]) => void;
  /** The connection is usable, for the first time or again. Sent commands go before those that waited. */
  readonly onReady?: () => void;
  /** The connection was lost. What was sent over it fails right after. */
  readonly onLost?: () => void;
  /** What was sent in this turn is about to leave: the last moment to send more with it. */
  readonly onFlush?: () => void;
}

/** What a connection needs. */
export interface ConnectionOptions extends ConnectionHooks {
  readonly address: RedisPlace;
  /** Shown by `CLIENT LIST`, so that an operator sees which part of the gateway a connection serves. */
  readonly name: string;
  readonly logger: Logger;
  /** How long a command waits for a Redis that is away, in ms. */
  readonly waitMs: number;
  /** A Redis that answers nothing for so long (ms) though it was asked is as good as gone. @default 30_000 */
  readonly silenceMs?: number | undefined;
}

/** A connection that keeps itself alive until it is closed. */
export interface Connection {
  /** Whether commands go out at once. */
  isReady(): boolean;
  /** What Redis said of itself when it was greeted: RESP3, or RESP2 where it knows no HELLO. */
  protocol(): 2 | 3;
  /** Sends one command; `done` is called exactly once. */
  send(args: readonly Argument[], done: Done): void;
  /** Sends one command that `encode` writes itself, for the hot path. */
  sendEncoded(encode: (out: CommandWriter) => void, done: Done): void;
  /** Asks for `onFlush` at the end of this turn, also where nothing has been sent yet. */
  flushSoon(): void;
  /** As `send`, with an error reply thrown. */
  call(...args: readonly Argument[]): Promise<Reply>;
  /** Sends commands as one transaction; `done` is called exactly once. */
  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void;
  /** Ends it: what waits or is in flight fails, and it does not come back. */
  close(): void;
}

/** A command was sent and its reply was lost with the connection: whether it was carried out, nobody knows. */
export class ReplyLostError extends GatewayError {
  constructor() {
    super("REDIS_UNAVAILABLE", "the connection to Redis was lost before it answered; try again later");
  }
}

const RECONNECT: Backoff = { firstMs: 25, mostMs: 2000 };
const CONNECT_TIMEOUT_MS = 5000;
const SILENCE_MS = 30_000;
const READ_BYTES = 256 * 1024;
/** Replies up to this size (bytes) can be put off: those of large appends are far smaller. */
const PUT_OFF_UP_TO_BYTES = 4096;

/** The error for a command that could not be sent in time. */
export const away = () => new GatewayError("REDIS_UNAVAILABLE", "Redis is away; try again later");

/** Opens a connection. It is usable at once: commands wait until it is ready. */
export function openConnection(options: ConnectionOptions): Connection {
  const { address: place, logger, name } = options;
  let socket: Socket | undefined;
  let state: "connecting" | "ready" | "closed" = "connecting";
  let protocol: 2 | 3 = 3;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  /** What it is connected to, or about to be. */
  let address: RedisAddress | undefined;
  /** Ends the socket there is. */
  let leave: (why: string) => void = () => undefined;
  /** Callbacks of sent commands, oldest at `sentHead`. */
  let sent: Done[] = [];
  let sentHead = 0;
  const waiting = createWaitingCommands<Done>(options.waitMs, (done) => done(away(), null));
  let writer = createCommandWriter();
  let flushQueued = false;
  const silence = watchSilence(
    options.silenceMs ?? SILENCE_MS,
    () => state === "ready" && sent.length > sentHead,
    () => leave("Redis has not answered for too long"),
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
    if (done === undefined) throw new Error("a reply that nobody asked for");
    sentHead++;
    if (sentHead === sent.length) {
      sent = [];
      sentHead = 0;
    } else if (sentHead === 4096) {
      // Forget the settled ones in blocks: removing the first of a long list each time would copy the rest.
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
    const fields = { connection: name, redis: describePlace(place), reason };
    if (wasReady || failures === 4)
      logger.warn(fields, "no connection to Redis; trying again until it is back");
    else logger.debug(fields, "connection attempt failed");
    retry = setTimeout(begin, delay);
    if (wasReady) options.onLost?.();
    failSent();
  }

  function begin(): void {
    retry = undefined;
    if (!isSource(place)) {
      connect(place);
      return;
    }
    place.resolve((error, found) => {
      if (state === "closed") return;
      if (found === undefined) lost(error?.message ?? "nobody knows where Redis is");
      else connect(found);
    });
  }

  /** The source knows where Redis is. What is elsewhere is left, also where it still answers. */
  function isAt(now: RedisAddress): void {
    if (state === "closed") return;
    if (retry !== undefined) {
      clearTimeout(retry);
      failures = 0;
      begin();
    } else if (address !== undefined && !isDeepStrictEqual(address.target, now.target)) {
      leave(`Redis' master is now at ${describeAddress(now)}`);
    }
  }

  function connect(to: RedisAddress): void {
    address = to;
    const { target, tls } = to;
    /** Whether it has said that it takes no writes (any more). */
    let isReplica = false;
    const reader = createReplyReader({
      onReply(reply) {
        if (reply instanceof ReplyError && reply.code === "READONLY") isReplica = true;
        onReply(reply);
      },
      onPush: (message) => options.onPush?.(message),
    });
    // One buffer for all reads: without it each would allocate anew, which at camera rates is what the gateway does most.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array) => {
        const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
        const isBacklogged = current.writableLength > 0 && bytes <= PUT_OFF_UP_TO_BYTES;
        if (putOff.length === 0 && !isBacklogged) feed(chunk);
        else if (putOff.push(Buffer.from(chunk)) === 1) setImmediate(feedPutOff);
        return true;
      },
    };
    /**
     * Replies that came while more waited to be written. What they set off takes long where entries are large, and Redis would
     * have nothing to do meanwhile: so the socket is written to first, at the end of this turn's reading.
     */
    let putOff: Buffer[] = [];
    const feedPutOff = (): void => {
      const chunks = putOff;
      putOff = [];
      for (const chunk of chunks) if (!ended) feed(chunk);
    };
    const current = tls ? connectTls({ ...target, ...tls }) : connectTcp({ ...target, onread });
    socket = current;
    const feed = (chunk: Buffer): void => {
      silence.heard();
      try {
        reader.feed(chunk);
      } catch (error) {
        logger.error({ connection: name, err: error }, "Redis sent what is no reply");
        end("Redis sent what is no reply");
      }
      if (isReplica && isSource(place)) end(NO_MASTER);
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
    leave = end;
    current.setNoDelay(true);
    current.setTimeout(CONNECT_TIMEOUT_MS, () => end("Redis did not answer"));
    current.on("error", (error) => {
      reason = error.message;
    });
    current.on("close", () => end(reason));
    current.once(tls ? "secureConnect" : "connect", () => {
      greet({ address: to, name, wantsMaster: isSource(place) }, sendNow, (greeted) => {
        if ("problem" in greeted) end(greeted.problem);
        if ("problem" in greeted || ended || state === "closed") return;
        current.setTimeout(0);
        protocol = greeted.protocol;
        state = "ready";
        if (failures > 3) logger.info({ connection: name }, "Redis is back");
        failures = 0;
        options.onReady?.();
        for (const one of waiting.take()) dispatch(one.encode, one.done);
      });
    });
  }

  const sendNow = (args: readonly Argument[], done: Done) => dispatch((out) => out.command(args), done);

  function sendEncoded(encode: (out: CommandWriter) => void, done: Done): void {
    if (state === "ready") {
      dispatch(encode, done);
    } else if (state === "closed" || options.waitMs === 0) {
      // Not within the call: nobody expects an answer before the question has returned.
      queueMicrotask(() => done(away(), null));
    } else {
      waiting.add(encode, done);
    }
  }

  const send = (args: readonly Argument[], done: Done) => sendEncoded((out) => out.command(args), done);

  const stopWatching = isSource(place) ? place.watch(isAt) : undefined;
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
      silence.stop();
      socket?.destroy();
      failSent();
      for (const one of waiting.take()) one.done(away(), null);
    },
  };
}
