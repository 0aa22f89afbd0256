/** Creates the clients that run attacks. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../check/random.ts";
import type { HostileClient, Target } from "./attack.ts";
import { type HostileSocket, openHostileSocket } from "./socket.ts";

/** Example key of RFC 6455, section 1.3. */
const WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A client and its open connections. */
export interface OpenedClient extends HostileClient {
  /** Connections that have not ended. */
  readonly sockets: ReadonlySet<HostileSocket>;
  closeAll(): void;
}

/** @param localAddress source address of the client @param sendsKey whether requests carry the API key */
export function createHostileClient(
  target: Target,
  localAddress: string,
  sendsKey: boolean,
  random: Random,
  signal: AbortSignal,
): OpenedClient {
  const sockets = new Set<HostileSocket>();
  const key = sendsKey ? target.key : undefined;
  const head: HostileClient["head"] = (method, path, headers = {}) => {
    const all = { Host: "localhost", ...(key !== undefined && { "X-Api-Key": key }), ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  };
  return {
    random,
    signal,
    sockets,
    head,
    connect() {
      const socket = openHostileSocket(target.port, localAddress, signal);
      sockets.add(socket);
      return socket;
    },
    request(method, path, body, type = "application/json") {
      const bytes = typeof body === "string" ? Buffer.from(body) : body;
      const start = head(method, path, { "Content-Type": type, "Content-Length": bytes.length });
      return Buffer.concat([Buffer.from(start), bytes]);
    },
    upgrade: (path, headers = {}) =>
      head("GET", path, {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": 13,
        "Sec-WebSocket-Key": WEBSOCKET_KEY,
        ...headers,
      }),
    wait: (ms) => sleep(ms, undefined, { signal }).catch(() => undefined),
    closeAll() {
      for (const socket of sockets) socket.close();
      sockets.clear();
    },
  };
}
