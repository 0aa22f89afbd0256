/** Whether the port can be had, asked before anything else is started: that it is taken is no reason to start a Redis. */
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Tries a port for a moment.
 *
 * @returns the port, or for 0 one that is free
 * @throws Error of the system, where it cannot be listened on
 */
export async function findFreePort(host: string, port: number): Promise<number> {
  const server = createServer().listen({ host, port });
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : port;
}
