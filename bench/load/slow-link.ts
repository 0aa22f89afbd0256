/**
 * A slow network link to a server on this machine: a TCP relay that forwards what the server sends at a limited rate. It reads no
 * more than it forwards, so the server has to wait as it has to for a network.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Relay that is listening. */
export interface SlowLink {
  /** Port that clients connect to. */
  readonly port: number;
  close(): void;
}

/** Bytes that are read at once: a fraction of the bytes of a few ms. */
const READ_BYTES = 16 * 1024;
/** Longest time (ms) whose bytes may pass at once, after a late timer. */
const MAX_LATE_MS = 4;

/** Opens a link. @param bytesPerSecond rate from the server to the client, for each connection */
export async function openSlowLink(serverPort: number, bytesPerSecond: number): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connectAtRate(serverPort, bytesPerSecond / 1000, (bytes) => client.write(bytes));
    client.pipe(upstream);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the link has no port");
  return {
    port: address.port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Connects, and reads at a limited rate. */
function connectAtRate(port: number, bytesPerMs: number, take: (bytes: Buffer) => void): Socket {
  let allowed = 0;
  let since = performance.now();
  const refill = (): boolean => {
    const now = performance.now();
    allowed = Math.min(allowed + (now - since) * bytesPerMs, MAX_LATE_MS * bytesPerMs);
    since = now;
    return allowed > 0;
  };
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback(length, bytes) {
        take(Buffer.from(bytes.subarray(0, length)));
        refill();
        allowed -= length;
        if (allowed > 0) return true;
        resumeSoon();
        return false;
      },
    },
  });
  const resumeSoon = () => {
    setTimeout(() => {
      if (socket.destroyed) return;
      if (refill()) socket.resume();
      else resumeSoon();
    }, 1);
  };
  return socket;
}
