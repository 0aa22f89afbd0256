/** Messages of one viewer, in order. Those that arrive before the channels are advertised wait for that. */
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import {
  type ClientMessage,
  readBinaryMessage,
  readTextMessage,
} from "../../wire/foxglove/client-messages.ts";
import type { TransportParts } from "../parts.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import { MessageTurns } from "../websocket-protocol/message-turns.ts";
import type { Pausable } from "../websocket-protocol/pause-reasons.ts";
import type { SocketRequest } from "../websocket-protocol/upgrade-route.ts";

/** Messages from this size (bytes), which name hundreds of channels, are handled in turn with the requests of others. */
const LONG_MESSAGE_BYTES = 8 * 1024;
/** Maximum size of a text message, in bytes: a subscription to thousands of channels. */
const MAX_TEXT_BYTES = 256 * 1024;

/** Reactions of the viewer. */
export interface ClientMessagesHooks {
  /** Runs a message. @returns its problem, for the viewer @throws GatewayError */
  readonly run: (message: ClientMessage, memory: Buffer | undefined) => string | undefined;
  /** A message named something that does not exist, or exists already. */
  readonly onProblem: (problem: string) => void;
  /** A message was not valid or not permitted. */
  readonly onRejected: (error: GatewayError) => void;
  /** The connection must be closed. */
  readonly onError: (error: GatewayError) => void;
}

/** Parts of the connection. */
export interface ClientMessagesParts {
  readonly request: SocketRequest;
  readonly parts: TransportParts & { readonly payloadPool: PayloadPool };
  /** Creates a reason not to read from the socket. */
  readonly reason: () => Pausable;
}

/** Reads the messages of a client, and runs them. */
export class ClientMessages {
  readonly #payloadPool: PayloadPool;
  readonly #hooks: ClientMessagesHooks;
  readonly #turns: MessageTurns;
  /** Pauses reading until the channels are advertised. */
  readonly #opening: Pausable;
  /** Messages that had arrived before; undefined once they are handled. */
  #early: (() => void)[] | undefined = [];
  #isClosed = false;

  constructor({ request, parts, reason }: ClientMessagesParts, hooks: ClientMessagesHooks) {
    const { socket, session } = request;
    this.#payloadPool = parts.payloadPool;
    this.#hooks = hooks;
    this.#turns = new MessageTurns({
      owner: { connection: socket, address: () => session.visitor.address },
      ...{ turns: parts.access.turns.requests, turnEnd: parts.streams.turnEnd, reading: reason() },
      deliver: (text) => this.#handle(() => readTextMessage(text)),
    });
    this.#opening = reason();
    this.#opening.pause();
  }

  /** Takes a message. @param memory its pool buffer, which is returned to the pool */
  take(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void {
    if (isBinary && this.#early === undefined) {
      this.#handle(() => readBinaryMessage(bytes), memory);
      return;
    }
    if (isBinary) {
      const copy = Buffer.from(bytes);
      this.#handle(() => readBinaryMessage(copy));
    } else this.#takeText(bytes);
    this.#giveBack(memory);
  }

  /** Call when the channels are advertised: handles the messages that waited, and reads on. Idempotent. */
  open(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.#opening.resume();
    for (const handle of early) handle();
  }

  /** Ignores further messages. */
  close(): void {
    this.#isClosed = true;
    this.#early = [];
  }

  #takeText(bytes: Buffer): void {
    if (bytes.length > MAX_TEXT_BYTES) {
      const problem = `a text message must have at most ${MAX_TEXT_BYTES} bytes, got ${bytes.length}`;
      this.#hooks.onError(new GatewayError("TOO_LARGE", problem));
      return;
    }
    const text = bytes.toString();
    if (bytes.length >= LONG_MESSAGE_BYTES || this.#turns.hasWaiting) this.#turns.add(text);
    else this.#handle(() => readTextMessage(text));
  }

  /** Handles a message, or keeps it. @param memory its pool buffer */
  #handle(read: () => ClientMessage, memory?: Buffer): void {
    let unused = memory;
    try {
      if (this.#isClosed) return;
      if (this.#early !== undefined) {
        this.#early.push(() => this.#handle(read));
        return;
      }
      const message = read();
      // Its payload is in the buffer.
      if (message.op === "message") unused = undefined;
      const problem = this.#hooks.run(message, memory);
      if (problem !== undefined) this.#hooks.onProblem(problem);
    } catch (error) {
      this.#hooks.onRejected(asGatewayError(error));
    } finally {
      this.#giveBack(unused);
    }
  }

  #giveBack(memory: Buffer | undefined): void {
    if (memory !== undefined) this.#payloadPool.give(memory);
  }
}
