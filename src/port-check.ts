/** Port check before startup, so that a port conflict is reported before the managed Redis is started. */
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Listens on a port and closes it again.
 *
 * @returns the port, or a free port if it is 0
 * @throws the system's error if the gateway cannot listen on the port
 */
export async function checkPort(host: string, port: number): Promise<number> {
  const server = createServer().listen({ host, port });
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : port;
}
