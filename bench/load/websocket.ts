/**
 * A WebSocket by hand on a bare TCP socket: the handshake, then bytes. All sockets of the process read into one
 * buffer, so that receiving costs one system call and no allocation.
 */
import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";

/** Where to connect to, with path and query. */
export interface Target {
  readonly port: number;
  readonly path: string;
  /** Shown to the server, where it asks for one. */
  readonly token?: string;
}

/** An upgraded connection. */
export interface WebSocketBytes {
  readonly socket: Socket;
  /** Why the connection is of no more use, empty while it is. */
  readonly failure: string;
  /** Stops reading for good, so that the kernel's buffers fill up and the server has to wait. */
  stopReading(): void;
  close(): void;
}

const KEY = Buffer.alloc(16, "benchmark").toString("base64");
/** What the server answers to that key (RFC 6455 section 4.2.2). */
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const END_OF_HEAD = "\r\n\r\n";
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * Connects and upgrades.
 *
 * @param take gets the bytes after the handshake; what it is shown is overwritten by the next read
 * @throws Error when the server refuses, with its status line
 */
export function openWebSocket(
  target: Target,
  take: (bytes: Buffer, from: number, to: number) => void,
): Promise<WebSocketBytes> {
  return new Promise((resolve, reject) => {
    let head = "";
    let upgraded = false;
    let reading = true;
    let failure = "";
    const fail = (why: string) => {
      if (failure === "") failure = why;
      socket.destroy();
      reject(new Error(`${target.path}: ${why}`));
    };
    const received = (bytes: Buffer, length: number) => {
      if (upgraded) return take(bytes, 0, length);
      const before = head.length;
      head += bytes.toString("latin1", 0, length);
      const end = head.indexOf(END_OF_HEAD);
      if (end === -1) return;
      if (!/^HTTP\/1\.1 101 /.test(head) || !head.slice(0, end).includes(ACCEPT))
        return fail(`no upgrade: ${head.slice(0, head.indexOf("\r\n"))}`);
      upgraded = true;
      resolve(opened);
      const from = end + END_OF_HEAD.length - before;
      if (from < length) take(bytes, from, length);
    };
    const socket = connect({
      port: target.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          try {
            received(READ_BUFFER, length);
          } catch (error) {
            fail((error as Error).message);
          }
          return reading;
        },
      },
    });
    const opened: WebSocketBytes = {
      socket,
      get failure() {
        return failure;
      },
      stopReading() {
        reading = false;
        socket.pause();
      },
      close() {
        failure ||= "closed by the benchmark";
        socket.destroy();
      },
    };
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => fail("closed by the server"));
    socket.write(
      `GET ${target.path} HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n` +
        (target.token === undefined ? "\r\n" : `Authorization: Bearer ${target.token}\r\n\r\n`),
    );
  });
}

/** How many handshakes are under way at a time when many sockets are opened. */
const HANDSHAKES = 64;

/** Opens many of a thing, some at a time, and gives them in order. */
export async function openMany<T>(count: number, open: (index: number) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  for (let next = 0; next < count; next += HANDSHAKES) {
    const some = Array.from({ length: Math.min(HANDSHAKES, count - next) }, (_, i) => open(next + i));
    opened.push(...(await Promise.all(some)));
  }
  return opened;
}
