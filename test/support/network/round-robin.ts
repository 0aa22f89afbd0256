/** A plain TCP proxy: connects each client to the next server, skipping servers that are down. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A running proxy. */
export interface RoundRobin extends AsyncDisposable {
  readonly port: number;
  /** Number of connections by server port. */
  readonly taken: ReadonlyMap<number, number>;
}

/** Starts a proxy. @param ports returns the servers, for each connection */
export async function startRoundRobin(ports: () => readonly number[]): Promise<RoundRobin> {
  const taken = new Map<number, number>();
  const sockets = new Set<Socket>();
  let turn = 0;

  function hold(socket: Socket, other: Socket): void {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
  }

  /** @param left number of servers still to be tried */
  function forward(client: Socket, left: number): void {
    const all = ports();
    const port = all[turn++ % all.length];
    if (port === undefined || left === 0) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    const next = () => forward(client, left - 1);
    server.once("error", next);
    server.once("connect", () => {
      server.off("error", next);
      taken.set(port, (taken.get(port) ?? 0) + 1);
      hold(server, client);
      hold(client, server);
      client.pipe(server).pipe(client);
    });
  }

  const proxy = createServer((client) => {
    client.on("error", () => undefined);
    forward(client, ports().length);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    taken,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
      await once(proxy, "close");
    },
  };
}
