/**
 * Server side of a WebSocket after the handshake. Handles received messages, pings and the closing handshake. Data frames
 * are written directly to the TCP socket by the byte sink.
 *
 *     open ──close(): the gateway sends a close frame──▶ closing ──the client answers, or a timeout──▶ closed
 *       └────────────the client sends a close frame, which is answered───────────────────────────────▶ closed
 */
import type { Socket } from "node:net";
import { type MemoryLease, overloaded } from "../../access/limits/memory-budget.ts";
import type { Uploads } from "../../access/limits/upload-memory.ts";
import type { SocketDeadlines } from "../response/sockets/socket-deadlines.ts";
import { closeFrame, PING } from "./frames/control-frames.ts";
import { FrameReader, type FrameReaderOptions, type Parsed } from "./frames/frame-reader.ts";
import { ProtocolError } from "./frames/protocol-error.ts";
import { MessageMemory } from "./memory/message-memory.ts";
import { releaseChunk } from "./memory/release-memory.ts";
import { Pongs } from "./pongs.ts";
import { type ChunkTurns, ReceivedChunks } from "./received-chunks.ts";

/** Handlers of received messages and events. */
export interface MessageHandlers {
  /** @param memory pool buffer of the message, which the handler returns to the pool */
  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void;
  /** Handles a pong of the client. */
  pong?(payload: Uint8Array): void;
  /** Called once when the connection has closed. @param code code of the client's close frame; 1006 if there was none */
  closed(code: number): void;
  /** Called if the client violates the protocol. The connection is being closed. */
  broke(error: ProtocolError): void;
}

/** Maximum time (ms) for a client to answer a close frame. */
const CLOSE_MS = 10_000;

/** Options that all WebSockets share. */
export interface ServerWebSocketOptions
  extends Pick<FrameReaderOptions, "pool">,
    Omit<ChunkTurns, "address"> {
  /** Ends messages that stall while others wait for memory. */
  readonly uploads: Uploads;
  /** Enforces deadlines for closing the socket. */
  readonly deadlines: Pick<SocketDeadlines, "finish" | "destroyWithin">;
}

/** Client of a WebSocket. */
export interface SocketClient {
  readonly maxMessageBytes: number;
  /** Returns the client's address. */
  address(): string;
  /** Opens the memory lease of received messages. */
  openLease(): MemoryLease;
}

/** Open WebSocket, on a socket whose handshake has been answered. */
export class ServerWebSocket {
  readonly #socket: Socket;
  readonly #options: ServerWebSocketOptions;
  readonly #client: SocketClient;
  #handlers: MessageHandlers | undefined;
  #state: "open" | "closing" | "closed" = "open";
  /** Frame boundaries are lost, or the client has closed: further data is discarded. */
  #isBroken = false;
  #hasReceived = false;
  #closeCode = 1006;
  /** Reasons not to read: a part of the gateway paused the socket, or there is no memory for its message. */
  #isPaused = false;
  #isShort = false;
  /** Created when data arrives, because most pulling clients never send any. */
  #reader: FrameReader | undefined;
  #memory: MessageMemory | undefined;
  #chunks: ReceivedChunks | undefined;
  #pongs: Pongs | undefined;

  constructor(socket: Socket, options: ServerWebSocketOptions, client: SocketClient) {
    this.#socket = socket;
    this.#options = options;
    this.#client = client;
  }

  /** Starts reading. @param head data received together with the handshake */
  start(handlers: MessageHandlers, head: Buffer): void {
    this.#handlers = handlers;
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.#ended());
    socket.on("close", () => {
      // The client had sent them before the connection closed.
      this.#chunks?.finish();
      this.#state = "closed";
      this.#memory?.release();
      handlers.closed(this.#closeCode);
    });
    if (head.length > 0) this.#receive(head);
    // The client ended it before its handshake was accepted: the event has already happened.
    if (socket.readableEnded) this.#ended();
  }

  /** Stops reading, so that TCP slows the client down. Data that was already read still arrives. */
  pause(): void {
    this.#isPaused = true;
    if (this.#state === "open") this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#isPaused = false;
    this.#readOn();
  }

  /** Whether reading is paused, for any reason. */
  isPaused(): boolean {
    return this.#socket.isPaused();
  }

  /** Whether messages can be sent. */
  isOpen(): boolean {
    return this.#state === "open" && !this.#socket.destroyed;
  }

  /** Sends a ping. */
  ping(): void {
    if (this.#state === "open" && this.#socket.writable) this.#socket.write(PING);
  }

  /** Starts the closing handshake. Messages received afterwards are ignored. @param reason at most 123 bytes */
  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    // A client may continue to send large messages until it reads the close frame.
    this.#reader?.discardMessages();
    if (!this.#socket.destroyed) this.#socket.write(closeFrame(code, reason));
    // Reads the client's answer, and the data sent before it. Unread data in the kernel's buffer would reset the
    // connection before the client has read the reason.
    this.#readOn();
    this.#options.deadlines.destroyWithin(this.#socket, CLOSE_MS);
  }

  /** Destroys the connection without a closing handshake. */
  terminate(): void {
    this.#socket.destroy();
  }

  /** Whether a message is partly received, and was already partly received at the previous call. */
  isMidMessage(): boolean {
    return this.#reader?.isMidMessage() === true;
  }

  /** Whether data was received since the previous call, or could not be received because reading is paused. */
  hasReceived(): boolean {
    // A paused client with unsent data does not count as alive, because it may have disconnected.
    const isPausedAndDrained = this.#socket.isPaused() && this.#socket.writableLength === 0;
    const was = this.#hasReceived || isPausedAndDrained;
    this.#hasReceived = false;
    return was;
  }

  /** The client sends nothing more. Node states this of a paused socket once its last chunk was taken. */
  #ended(): void {
    this.#chunks?.finish();
    this.#options.deadlines.finish(this.#socket);
  }

  #isHeld(): boolean {
    return this.#state === "open" && (this.#isPaused || this.#isShort);
  }

  #readOn(): void {
    if (this.#chunks !== undefined) this.#chunks.readOn();
    else if (!this.#isHeld()) this.#socket.resume();
  }

  #receive(chunk: Buffer): void {
    this.#hasReceived = true;
    this.#chunks ??= this.#openChunks();
    this.#chunks.receive(chunk);
  }

  /** Parses frames of a chunk. @returns whether some are left */
  #parse(chunk: Buffer, parse: () => Parsed): boolean {
    if (this.#isBroken) return false;
    try {
      this.#pongs?.beginTurn();
      const state = parse();
      this.#pongs?.endTurn();
      if (state === "unused") releaseChunk(chunk);
      return state === "more";
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#isBroken = true;
      this.#reader?.discardMessages();
      this.#handlers?.broke(error);
      this.close(error.closeCode, error.message);
      // Does not wait for the client's close frame, because it cannot be parsed any more.
      this.#options.deadlines.finish(this.#socket);
      return false;
    }
  }

  #openChunks(): ReceivedChunks {
    const reader = this.#openReader();
    this.#reader = reader;
    const { workSlices, turns } = this.#options;
    const address = () => this.#client.address();
    return new ReceivedChunks(
      this.#socket,
      { workSlices, turns, address },
      {
        feed: (chunk, maxFrames) => this.#parse(chunk, () => reader.feed(chunk, maxFrames)),
        proceed: (chunk, maxFrames) => this.#parse(chunk, () => reader.proceed(maxFrames)),
        isFillingLarge: () => reader.isFillingLarge(),
        isHeld: () => this.#isHeld(),
      },
    );
  }

  #openMemory(): MessageMemory {
    const socket = this.#socket;
    return new MessageMemory(() => this.#client.openLease(), this.#options.uploads, {
      wait: () => {
        this.#isShort = true;
        socket.pause();
      },
      goOn: () => {
        this.#isShort = false;
        this.#readOn();
      },
      isPaused: () => socket.isPaused(),
      reject: () => {
        this.#isShort = false;
        this.#isBroken = true;
        const { code, kind, message } = overloaded();
        this.close(kind.close, `${code}: ${message}`);
      },
    });
  }

  #openReader(): FrameReader {
    const { pool } = this.#options;
    const { maxMessageBytes } = this.#client;
    const memory = this.#openMemory();
    this.#memory = memory;
    const pongs = new Pongs(this.#socket, () => this.#state === "open");
    this.#pongs = pongs;
    return new FrameReader(
      { maxMessageBytes, pool, onHeld: memory.hold },
      {
        onMessage: (bytes, isBinary, memory) => {
          if (this.#state === "open") this.#handlers?.message(bytes, isBinary, memory);
          else if (memory !== undefined) pool.give(memory);
        },
        onPing: (payload) => pongs.answer(payload),
        onPong: (payload) => this.#handlers?.pong?.(payload),
        onClose: (code) => this.#onClose(code),
      },
    );
  }

  /** Handles the close frame of the client. */
  #onClose(code: number): void {
    const { deadlines } = this.#options;
    this.#closeCode = code;
    this.#reader?.discardMessages();
    if (this.#state === "open") this.#socket.write(closeFrame(code, ""));
    this.#state = "closed";
    this.#isBroken = true;
    deadlines.destroyWithin(this.#socket, CLOSE_MS);
    deadlines.finish(this.#socket);
  }
}
