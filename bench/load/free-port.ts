/** Ports for servers that keep their port across restarts. */
import { createServer } from "node:net";

/** Upper bound of the ports: the kernel assigns ports above it to outgoing connections, which could occupy one while its server is down. */
const PORTS = { from: 20_000, below: 32_768 };

/** Returns a TCP port that currently has no listener. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.below - PORTS.from));
    const server = createServer();
    server.on("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}
