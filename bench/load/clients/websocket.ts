/**
 * Minimal WebSocket client on a TCP socket: a handshake, then raw bytes. All sockets of the process read into one
 * buffer, so receiving costs one system call and no allocation.
 */
import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";

/** Address to connect to, with path and query. */
export interface Target {
  readonly port: number;
  readonly path: string;
  /** Sent to the server, if it requires one. */
  readonly token?: string;
  /** Offered subprotocol, if the server requires one. */
  readonly protocol?: string;
}

/** Socket after the handshake, with the bytes that followed it. */
export interface WebSocketBytes {
  readonly socket: Socket;
  /** Reason why the connection failed; empty while it is usable. */
  readonly failure: string;
  /** Stops reading permanently, so that the kernel's buffers fill up and the server has to wait. */
  stopReading(): void;
  close(): void;
}

const KEY = Buffer.alloc(16, "benchmark").toString("base64");
/** Expected response of the server to that key (RFC 6455, section 4.2.2). */
const ACCEPT = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const END_OF_HEAD = "\r\n\r\n";
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * Connects and upgrades.
 *
 * @param take receives the bytes after the handshake, once the caller has the connection; the next read overwrites them
 * @param onFailure called when the connection fails or is closed, also by the caller
 * @throws Error with the status line if the server rejects the handshake
 */
export function openWebSocket(
  target: Target,
  take: (bytes: Buffer, from: number, to: number) => void,
  onFailure: (why: string) => void = () => undefined,
): Promise<WebSocketBytes> {
  return new Promise((resolve, reject) => {
    let head = "";
    let upgraded = false;
    let reading = true;
    let failure = "";
    const fail = (why: string) => {
      if (failure === "") failure = why;
      socket.destroy();
      onFailure(failure);
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
      if (from === length) return;
      const rest = Buffer.from(bytes.subarray(from, length));
      queueMicrotask(() => guarded(() => take(rest, 0, rest.length)));
    };
    const guarded = (receive: () => void) => {
      try {
        receive();
      } catch (error) {
        fail((error as Error).message);
      }
    };
    const socket = connect({
      port: target.port,
      host: "127.0.0.1",
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          guarded(() => received(READ_BUFFER, length));
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
        (target.protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${target.protocol}\r\n`) +
        (target.token === undefined ? "\r\n" : `Authorization: Bearer ${target.token}\r\n\r\n`),
    );
  });
}

/** Number of concurrent handshakes when many sockets are opened. */
const HANDSHAKES = 64;

/** Opens many connections with limited concurrency, and returns them in order. */
export async function openMany<T>(count: number, open: (index: number) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  for (let next = 0; next < count; next += HANDSHAKES) {
    const some = Array.from({ length: Math.min(HANDSHAKES, count - next) }, (_, i) => open(next + i));
    opened.push(...(await Promise.all(some)));
  }
  return opened;
}
