/** Ports for servers that are to keep them. */
import { createServer } from "node:net";

/** Ports are taken from below those that the kernel gives to outgoing connections, which could take one while its server is down. */
const PORTS = { from: 20_000, below: 32_768 };

/** A TCP port that nothing listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.below - PORTS.from));
    const server = createServer();
    server.on("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
}
