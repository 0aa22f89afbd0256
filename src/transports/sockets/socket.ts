/**
 * Server side of a WebSocket after the handshake. Handles received messages, pings and the closing handshake. Data frames
 * are written directly to the TCP socket by the byte sink.
 *
 *     open ──close(): the gateway sends a close frame──▶ closing ──the client answers, or a timeout──▶ closed
 *       └────────────the client sends a close frame, which is answered───────────────────────────────▶ closed
 */
import type { Socket } from "node:net";
import { type MemoryLease, overloaded } from "../../access/limits/memory-budget.ts";
import type { SocketDeadlines } from "../response/socket-deadlines.ts";
import { FrameReader, type FrameReaderOptions, ProtocolError } from "./frame-reader.ts";
import { createMessageMemory } from "./message-memory.ts";
import { releaseMemory } from "./release-memory.ts";

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

/** Open WebSocket. */
export interface ServerWebSocket {
  /** Starts reading. @param head data received together with the handshake */
  start(handlers: MessageHandlers, head: Buffer): void;
  /** Stops reading, so that TCP slows the client down. Data that was already read still arrives. */
  pause(): void;
  resume(): void;
  isPaused(): boolean;
  /** Whether messages can be sent. */
  isOpen(): boolean;
  ping(): void;
  /** Starts the closing handshake. Messages received afterwards are ignored. @param reason at most 123 bytes */
  close(code: number, reason: string): void;
  /** Destroys the connection without a closing handshake. */
  terminate(): void;
  /** Whether a message is partly received, and was already partly received at the previous call. */
  isMidMessage(): boolean;
  /** Whether data was received since the previous call, or could not be received because reading is paused. */
  wasHeard(): boolean;
}

const PING = Buffer.from([0x89, 0]);
const PONG_OPCODE = 0x8a;
const CLOSE_OPCODE = 0x88;
/** Maximum time (ms) for a client to answer a close frame. */
const CLOSE_MS = 10_000;
/** Chunks below this size (bytes) are left to the garbage collector. */
const RELEASE_FROM_BYTES = 16 * 1024;
/** If more bytes than this are unsent, only the last ping of a client is answered (RFC 6455, section 5.5.3). */
const MOST_UNSENT_BYTES = 64 * 1024;

/** Encodes a control frame. @param payload at most 125 bytes */
function controlFrame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([opcode, payload.length]), payload]);
}

function closeFrame(code: number, reason: string): Buffer {
  if (code === 1005) return controlFrame(CLOSE_OPCODE, new Uint8Array(0));
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return controlFrame(CLOSE_OPCODE, payload);
}

/** Options of a WebSocket. */
export interface ServerWebSocketOptions extends FrameReaderOptions {
  /** Opens the memory lease of received messages. */
  readonly openLease: () => MemoryLease;
  /** Enforces deadlines for closing the socket. */
  readonly deadlines: Pick<SocketDeadlines, "finish" | "destroyWithin">;
}

/** Creates a WebSocket on a socket whose handshake has been answered. */
export function createServerWebSocket(socket: Socket, options: ServerWebSocketOptions): ServerWebSocket {
  const { deadlines } = options;
  let handlers: MessageHandlers | undefined;
  let state: "open" | "closing" | "closed" = "open";
  /** Frame boundaries are lost, or the client has closed: further data is discarded. */
  let isBroken = false;
  let heard = false;
  let closeCode = 1006;
  /** Reasons not to read: a part of the gateway paused the socket, or there is no memory for its message. */
  let isPaused = false;
  let isShort = false;
  /** Payload of the last ping, whose pong is sent after the send buffer has drained. */
  let pendingPong: Buffer | undefined;

  /** Created when data arrives, because most pulling clients never send any. */
  let reader: FrameReader | undefined;

  const memory = createMessageMemory(options.openLease, {
    wait() {
      isShort = true;
      socket.pause();
    },
    goOn() {
      isShort = false;
      if (!isPaused) socket.resume();
    },
    reject() {
      isShort = false;
      isBroken = true;
      const { code, kind, message } = overloaded();
      close(kind.close, `${code}: ${message}`);
    },
  });

  const openReader = (): FrameReader =>
    new FrameReader(
      { ...options, onHeld: memory.hold },
      {
        onMessage(bytes, isBinary, memory) {
          if (state === "open") handlers?.message(bytes, isBinary, memory);
          else if (memory !== undefined) options.pool.give(memory);
        },
        onPing(payload) {
          if (state !== "open") return;
          if (socket.writableLength <= MOST_UNSENT_BYTES) {
            socket.write(controlFrame(PONG_OPCODE, payload));
            return;
          }
          if (pendingPong === undefined) socket.once("drain", sendOwedPong);
          // Copied, because its memory is reused.
          pendingPong = Buffer.from(payload);
        },
        onPong: (payload) => handlers?.pong?.(payload),
        onClose(code) {
          closeCode = code;
          reader?.discardMessages();
          if (state === "open") socket.write(closeFrame(code, ""));
          state = "closed";
          isBroken = true;
          deadlines.destroyWithin(socket, CLOSE_MS);
          deadlines.finish(socket);
        },
      },
    );

  function sendOwedPong(): void {
    if (pendingPong !== undefined && state === "open") socket.write(controlFrame(PONG_OPCODE, pendingPong));
    pendingPong = undefined;
  }

  function take(chunk: Buffer): void {
    heard = true;
    if (isBroken) return;
    try {
      reader ??= openReader();
      if (reader.feed(chunk) && chunk.length >= RELEASE_FROM_BYTES) releaseMemory(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      isBroken = true;
      reader?.discardMessages();
      handlers?.broke(error);
      close(error.closeCode, error.message);
      // Does not wait for the client's close frame, because it cannot be parsed any more.
      deadlines.finish(socket);
    }
  }

  function close(code: number, reason: string): void {
    if (state !== "open") return;
    state = "closing";
    // A client may go on sending large messages until it reads the close frame.
    reader?.discardMessages();
    if (!socket.destroyed) socket.write(closeFrame(code, reason));
    // Reads the client's answer, and the data sent before it. Unread data in the kernel's buffer would reset the
    // connection before the client has read the reason.
    socket.resume();
    deadlines.destroyWithin(socket, CLOSE_MS);
  }

  return {
    start(given, head) {
      handlers = given;
      socket.on("data", take);
      socket.on("end", () => deadlines.finish(socket));
      socket.on("close", () => {
        state = "closed";
        memory.release();
        given.closed(closeCode);
      });
      if (head.length > 0) take(head);
    },
    pause() {
      isPaused = true;
      if (state === "open") socket.pause();
    },
    resume() {
      isPaused = false;
      if (!isShort) socket.resume();
    },
    isPaused: () => socket.isPaused(),
    isOpen: () => state === "open" && !socket.destroyed,
    ping() {
      if (state === "open" && socket.writable) socket.write(PING);
    },
    close,
    terminate: () => void socket.destroy(),
    isMidMessage: () => reader?.isMidMessage() === true,
    wasHeard() {
      // A paused client with unsent data does not count as alive, because it may have disconnected.
      const isPausedAndDrained = socket.isPaused() && socket.writableLength === 0;
      const was = heard || isPausedAndDrained;
      heard = false;
      return was;
    },
  };
}
