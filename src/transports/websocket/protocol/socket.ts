/**
 * A WebSocket after its handshake, a server's side, on a bare socket. Data frames are written to the socket by the byte
 * sink; here are the messages that come in, pings, and the end.
 *
 *     open ──close(): our close frame is sent──▶ closing ──the client's comes, or it takes too long──▶ closed
 *       └────────────the client's close frame comes: it is answered──────────────────────────────────▶ closed
 */
import type { Socket } from "node:net";
import { type MemoryLease, overloaded } from "../../../access/limits/memory-budget.ts";
import type { SocketDeadlines } from "../../response/socket-deadlines.ts";
import {
  createFrameReader,
  type FrameReader,
  type FrameReaderOptions,
  ProtocolError,
} from "./frame-reader.ts";
import { createMessageMemory } from "./message-memory.ts";
import { releaseMemory } from "./release-memory.ts";

/** What is done with what comes in. */
export interface MessageHandlers {
  /** @param memory where the message is in memory of the pool, which the handler gives back */
  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void;
  /** An answer to a ping. */
  pong?(payload: Uint8Array): void;
  /** Nothing more will come. Called once. @param code of the client's close frame; 1006 where there was none */
  closed(code: number): void;
  /** The client broke the protocol and is being closed. */
  broke(error: ProtocolError): void;
}

/** An open WebSocket. */
export interface ServerWebSocket {
  /** Starts to read. @param head what came with the handshake */
  start(handlers: MessageHandlers, head: Buffer): void;
  /** Stops and goes on reading, so that TCP slows the client down. What had been read already still comes. */
  pause(): void;
  resume(): void;
  isPaused(): boolean;
  /** Whether messages may still be sent. */
  isOpen(): boolean;
  ping(): void;
  /** Begins the closing handshake; nothing that comes after that is told. @param reason 123 bytes at most */
  close(code: number, reason: string): void;
  /** Cuts the connection. */
  terminate(): void;
  /** Whether a part of a message has come in, and the same one was coming in when this was asked the last time. */
  isMidMessage(): boolean;
  /** Whether anything came since this was asked the last time, or could not come because it is not read from. */
  wasHeard(): boolean;
}

const PING = Buffer.from([0x89, 0]);
const PONG_OPCODE = 0x8a;
const CLOSE_OPCODE = 0x88;
/** How long (ms) a client may take to answer our close frame. */
const CLOSE_MS = 10_000;
/** Chunks smaller than this (bytes) are not worth the call that releases them. */
const RELEASE_FROM_BYTES = 16 * 1024;
/** Of the pings of a client that has so many bytes unread only the last is answered (RFC 6455, section 5.5.3). */
const MOST_UNSENT_BYTES = 64 * 1024;

/** A control frame of a server. @param payload 125 bytes at most */
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

/** What a WebSocket works with. */
export interface ServerWebSocketOptions extends FrameReaderOptions {
  /** Opens the lease of the message that is received. */
  readonly openLease: () => MemoryLease;
  /** Ends the socket in time. */
  readonly deadlines: Pick<SocketDeadlines, "finish" | "destroyWithin">;
}

/** Makes a WebSocket of a socket on which the handshake has been answered. */
export function createServerWebSocket(socket: Socket, options: ServerWebSocketOptions): ServerWebSocket {
  const { deadlines } = options;
  let handlers: MessageHandlers | undefined;
  let state: "open" | "closing" | "closed" = "open";
  /** The frames can no longer be told apart: what comes is thrown away. */
  let isBroken = false;
  let heard = false;
  let closeCode = 1006;
  /** Two reasons not to read: a part of the gateway paused the socket, and there is no memory for its message. */
  let isPaused = false;
  let isShort = false;
  /** What the last ping said that is answered when the client has read what it has to. */
  let owedPong: Buffer | undefined;

  /** Made when something comes: of thousands of pulling clients most never send a thing. */
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
    createFrameReader(
      { ...options, onHeld: memory.hold },
      {
        onMessage(bytes, isBinary, memory) {
          if (state === "open") handlers?.message(bytes, isBinary, memory);
        },
        onPing(payload) {
          if (state !== "open") return;
          if (socket.writableLength <= MOST_UNSENT_BYTES) {
            socket.write(controlFrame(PONG_OPCODE, payload));
            return;
          }
          if (owedPong === undefined) socket.once("drain", sendOwedPong);
          // Copied: it lies in memory that is about to be used again.
          owedPong = Buffer.from(payload);
        },
        onPong: (payload) => handlers?.pong?.(payload),
        onClose(code) {
          closeCode = code;
          if (state === "open") socket.write(closeFrame(code, ""));
          state = "closed";
          isBroken = true;
          deadlines.destroyWithin(socket, CLOSE_MS);
          deadlines.finish(socket);
        },
      },
    );

  function sendOwedPong(): void {
    if (owedPong !== undefined && state === "open") socket.write(controlFrame(PONG_OPCODE, owedPong));
    owedPong = undefined;
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
      handlers?.broke(error);
      close(error.closeCode, error.message);
      // The client's close frame could not be read, so it is not awaited.
      deadlines.finish(socket);
    }
  }

  function close(code: number, reason: string): void {
    if (state !== "open") return;
    state = "closing";
    if (!socket.destroyed) socket.write(closeFrame(code, reason));
    // Its answer is to be read, and what it sent before is not to fill the kernel's buffer: that would reset the
    // connection before it has read why.
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
      // What it has not read itself counts against it: it may be gone.
      const isHeldUp = socket.isPaused() && socket.writableLength === 0;
      const was = heard || isHeldUp;
      heard = false;
      return was;
    },
  };
}
