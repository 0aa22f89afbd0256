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
import type { FairTurns } from "../../domain/scheduling/fair-turns.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import type { SocketDeadlines } from "../response/sockets/socket-deadlines.ts";
import { closeFrame, PING } from "./frames/control-frames.ts";
import { FrameReader, type FrameReaderOptions, type Parsed } from "./frames/frame-reader.ts";
import { ProtocolError } from "./frames/protocol-error.ts";
import { MessageMemory } from "./memory/message-memory.ts";
import { releaseChunk } from "./memory/release-memory.ts";
import { Pongs } from "./pongs.ts";

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
/**
 * Frames of one socket that are handled in an event-loop turn. A read of 64 KB may bring 9,000 frames, which would delay all
 * other clients.
 */
const FRAMES_PER_TURN = 256;

/** Options of a WebSocket. */
export interface ServerWebSocketOptions extends FrameReaderOptions {
  readonly workSlices: WorkSlices;
  /** Turns in which large messages are received, shared with the requests of all clients. */
  readonly turns: FairTurns;
  /** Returns the client's address. */
  readonly address: () => string;
  /** Opens the memory lease of received messages. */
  readonly openLease: () => MemoryLease;
  /** Ends messages that stall while others wait for memory. */
  readonly uploads: Uploads;
  /** Enforces deadlines for closing the socket. */
  readonly deadlines: Pick<SocketDeadlines, "finish" | "destroyWithin">;
}

/** Open WebSocket, on a socket whose handshake has been answered. */
export class ServerWebSocket {
  readonly #socket: Socket;
  readonly #options: ServerWebSocketOptions;
  readonly #memory: MessageMemory;
  #handlers: MessageHandlers | undefined;
  #state: "open" | "closing" | "closed" = "open";
  /** Frame boundaries are lost, or the client has closed: further data is discarded. */
  #isBroken = false;
  #hasReceived = false;
  #closeCode = 1006;
  /** Reasons not to read: a part of the gateway paused the socket, or there is no memory for its message. */
  #isPaused = false;
  #isShort = false;
  /** Received chunk with frames that are left for later turns. The socket is not read meanwhile. */
  #rest: Buffer | undefined;
  #isTurnDue = false;
  /** Received chunk of a large message that waits for its turn. The socket is not read meanwhile. */
  #unfed: Buffer | undefined;
  /** Created when data arrives, because most pulling clients never send any. */
  #reader: FrameReader | undefined;
  #pongs: Pongs | undefined;

  constructor(socket: Socket, options: ServerWebSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#memory = new MessageMemory(options.openLease, options.uploads, {
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

  /** Starts reading. @param head data received together with the handshake */
  start(handlers: MessageHandlers, head: Buffer): void {
    this.#handlers = handlers;
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => {
      // Node emits the end of a paused socket once its last chunk was taken.
      this.#handleRest(Number.POSITIVE_INFINITY);
      this.#options.deadlines.finish(socket);
    });
    socket.on("close", () => {
      // The client had sent them before the connection closed.
      this.#handleRest(Number.POSITIVE_INFINITY);
      this.#state = "closed";
      this.#memory.release();
      handlers.closed(this.#closeCode);
    });
    if (head.length > 0) this.#receive(head);
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

  /** Handles the frames that are left and then reads on, unless reading is paused. */
  #readOn(): void {
    if (this.#unfed !== undefined || (this.#state === "open" && (this.#isPaused || this.#isShort))) return;
    if (this.#rest === undefined) {
      this.#socket.resume();
      return;
    }
    this.#socket.pause();
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    void this.#options.workSlices
      .begin()
      .next()
      .then(() => {
        this.#isTurnDue = false;
        // Paused meanwhile: `resume` schedules the next turn.
        if (this.#state === "open" && (this.#isPaused || this.#isShort)) return;
        this.#handleRest(FRAMES_PER_TURN);
        this.#readOn();
      });
  }

  #receive(chunk: Buffer): void {
    this.#hasReceived = true;
    // A paused socket may still emit a chunk that was already read.
    this.#handleRest(Number.POSITIVE_INFINITY);
    this.#reader ??= this.#openReader();
    if (this.#reader.isFillingLarge()) this.#feedInTurn(chunk);
    else this.#feed(this.#reader, chunk);
  }

  #feed(reader: FrameReader, chunk: Buffer): void {
    this.#parse(chunk, () => reader.feed(chunk, FRAMES_PER_TURN));
    if (this.#rest !== undefined) this.#readOn();
  }

  /** Feeds a chunk of a large message now or in a later turn: copying those of all sockets would make a turn long. */
  #feedInTurn(chunk: Buffer): void {
    const socket = this.#socket;
    const { turns, address } = this.#options;
    this.#unfed = chunk;
    turns.run({ connection: socket, address }, () => {
      // Fed already if another chunk arrived, or the connection closed.
      if (this.#unfed !== chunk) return;
      this.#feedWaiting();
      this.#readOn();
    });
    if (this.#unfed !== undefined) socket.pause();
  }

  #feedWaiting(): void {
    const [chunk, reader] = [this.#unfed, this.#reader];
    this.#unfed = undefined;
    if (chunk !== undefined && reader !== undefined) this.#feed(reader, chunk);
  }

  #handleRest(max: number): void {
    this.#feedWaiting();
    const [chunk, reader] = [this.#rest, this.#reader];
    if (chunk === undefined || reader === undefined) return;
    this.#rest = undefined;
    this.#parse(chunk, () => reader.proceed(max));
  }

  #parse(chunk: Buffer, parse: () => Parsed): void {
    if (this.#isBroken) return;
    try {
      this.#pongs?.beginTurn();
      const state = parse();
      this.#pongs?.endTurn();
      if (state === "more") this.#rest = chunk;
      else if (state === "unused") releaseChunk(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#isBroken = true;
      this.#reader?.discardMessages();
      this.#handlers?.broke(error);
      this.close(error.closeCode, error.message);
      // Does not wait for the client's close frame, because it cannot be parsed any more.
      this.#options.deadlines.finish(this.#socket);
    }
  }

  #openReader(): FrameReader {
    const { maxMessageBytes, pool } = this.#options;
    const pongs = new Pongs(this.#socket, () => this.#state === "open");
    this.#pongs = pongs;
    return new FrameReader(
      { maxMessageBytes, pool, onHeld: this.#memory.hold },
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
