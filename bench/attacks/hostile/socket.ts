/** Raw TCP connection of a hostile client. None of its methods throw, because every reaction of the gateway is a valid outcome. */
import { connect, type Socket } from "node:net";

/** A connection that an attack controls. */
export interface HostileSocket {
  /** `address:port` of the client's side, as in `/proc/net/tcp`; empty until connected. */
  readonly local: string;
  /** Whether the gateway or the attack has closed the connection. */
  readonly isOver: boolean;
  write(data: string | Buffer): void;
  /** Stops reading, so that the gateway's responses fill the kernel's buffers. */
  stopReading(): void;
  /** Sends FIN and remains readable. */
  halfClose(): void;
  /** Sends RST. */
  reset(): void;
  /** Resolves with the bytes received so far when they match, when the connection ends, or after `ms`. */
  received(what: RegExp, ms: number): Promise<string>;
  /** Resolves when the connection ends, or after `ms`. */
  over(ms: number): Promise<void>;
  close(): void;
}

const MAX_KEPT_CHARACTERS = 64 * 1024;

/** Connects from a local address. */
export function openHostileSocket(port: number, localAddress: string, signal: AbortSignal): HostileSocket {
  let kept = "";
  let local = "";
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watch of watchers) watch();
  };
  const socket: Socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.on("connect", () => {
    local = `${socket.localAddress}:${socket.localPort}`;
  });
  socket.on("data", (chunk: Buffer) => {
    if (kept.length < MAX_KEPT_CHARACTERS) kept += chunk.toString("latin1");
    changed();
  });
  socket.on("end", changed);
  socket.on("close", changed);
  const isOver = () => socket.destroyed || socket.readableEnded;
  const until = (condition: () => boolean, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        watchers.delete(check);
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const check = () => {
        if (condition()) done();
      };
      const timer = setTimeout(done, ms);
      watchers.add(check);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
      else check();
    });
  return {
    get local() {
      return local;
    },
    get isOver() {
      return isOver();
    },
    write(data) {
      if (!socket.destroyed && socket.writable) socket.write(data);
    },
    stopReading: () => void socket.pause(),
    halfClose: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    async received(what, ms) {
      await until(() => what.test(kept) || isOver(), ms);
      return kept;
    },
    over: (ms) => until(isOver, ms),
    close: () => void socket.destroy(),
  };
}
