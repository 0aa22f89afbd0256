/** One socket to Redis, from the connection attempt to its end: a time limit for the handshake, then replies. It does not reconnect. */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Logger } from "../../domain/logger.ts";
import type { RedisAddress } from "../address/redis-url.ts";
import type { Output } from "./pipeline.ts";
import { InvalidReply, type Reply, ReplyReader } from "./reader.ts";

/** Events of a socket. */
export interface RedisSocketHooks {
  /** The socket is connected; the handshake can begin. */
  readonly onConnect: () => void;
  /** Bytes arrived, before they are parsed. */
  readonly onData: () => void;
  readonly onReply: (reply: Reply) => void;
  /** A RESP3 push message arrived. */
  readonly onPush: (message: Reply[]) => void;
  /** The socket ended; called once. */
  readonly onEnd: (reason: string) => void;
}

/** Options of a socket. */
export interface RedisSocketOptions extends RedisSocketHooks {
  readonly address: RedisAddress;
  /** Name of the connection, for logs. */
  readonly name: string;
  /** Size (bytes) from which bulk strings are replaced by their length. @default none are */
  readonly omitFrom?: number | undefined;
  readonly logger: Logger;
}

/** Time limit for connecting and the handshake. */
const CONNECT_TIMEOUT_MS = 5000;
const READ_BYTES = 256 * 1024;
/** Only socket reads up to this size (bytes) are deferred; replies to large appends are far smaller. */
const MAX_DEFERRED_BYTES = 4096;

/** Connects at once. */
export class RedisSocket implements Output {
  readonly #options: RedisSocketOptions;
  readonly #socket: Socket;
  readonly #reader: ReplyReader;
  /**
   * Chunks of replies that arrived while commands still waited to be written. Handling them can take long with large
   * entries and would leave Redis idle, so the pending write is done first.
   */
  #deferred: Buffer[] = [];
  #hasEnded = false;
  /** Reason to end after the current chunk. */
  #ending: string | undefined;
  #reason = "Redis closed the connection";

  constructor(options: RedisSocketOptions) {
    this.#options = options;
    this.#reader = new ReplyReader(options, options.omitFrom);
    this.#socket = this.#connect(options.address);
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(CONNECT_TIMEOUT_MS, () => this.end("Redis did not reply in time"));
    this.#socket.on("error", (error) => {
      this.#reason = error.message;
    });
    this.#socket.on("close", () => this.end(this.#reason));
    this.#socket.once(options.address.tls ? "secureConnect" : "connect", options.onConnect);
  }

  #connect({ target, tls }: RedisAddress): Socket {
    if (tls) return connectTls({ ...target, ...tls }).on("data", (chunk: Buffer) => this.#feed(chunk));
    // One buffer for all reads: an allocation per read would be the gateway's largest cost at camera data rates.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (bytes: number, { buffer: memory, byteOffset }: Uint8Array) => {
      this.#onRead(Buffer.from(memory, byteOffset, bytes));
      return true;
    };
    return connectTcp({ ...target, onread: { buffer, callback } });
  }

  #onRead(chunk: Buffer): void {
    const isBacklogged = this.#socket.writableLength > 0 && chunk.length <= MAX_DEFERRED_BYTES;
    if (this.#deferred.length === 0 && !isBacklogged) this.#feed(chunk);
    else if (this.#deferred.push(Buffer.from(chunk)) === 1) setImmediate(() => this.#feedDeferred());
  }

  #feedDeferred(): void {
    const chunks = this.#deferred;
    this.#deferred = [];
    for (const chunk of chunks) if (!this.#hasEnded) this.#feed(chunk);
  }

  #feed(chunk: Buffer): void {
    const { name, logger, onData } = this.#options;
    onData();
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      // The rest of the chunk is lost in both cases.
      const reason =
        error instanceof InvalidReply ? "invalid RESP from Redis" : "could not handle a reply from Redis";
      logger.error({ connection: name, err: error }, reason);
      this.end(reason);
    }
    if (this.#ending !== undefined) this.end(this.#ending);
  }

  /** Writes several parts as one. */
  write(parts: readonly Uint8Array[]): void {
    const [first] = parts;
    if (parts.length === 1 && first !== undefined) {
      this.#socket.write(first);
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** Lifts the time limit of the handshake. */
  completeHandshake(): void {
    this.#socket.setTimeout(0);
  }

  /** Whether the socket was closed, by either side. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Closes the socket, unless it has ended. */
  end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#socket.destroy();
    this.#options.onEnd(reason);
  }

  /** Closes the socket when the replies that have arrived with the current one are handled. */
  endAfterChunk(reason: string): void {
    this.#ending = reason;
  }
}
